//! Fault: EXCEPT ALL and INTERSECT ALL are planned as an anti and a semi join, which do not count how often a row comes
//! (DataFusion 55.2; apache/datafusion#12955 speaks of it).
//!
//! Correction: the copies of a row are numbered, and as many of them are left out, or kept, as the other side has.
//! Test: `tests/sqllogictest/slt/set/all.slt`.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, NullEquality};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{
    Distinct, Expr, ExprFunctionExt, Join, JoinConstraint, JoinType, LogicalPlan, LogicalPlanBuilder, cast, lit,
};
use datafusion::optimizer::{Analyzer, AnalyzerRule};

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).rules.push(Arc::new(CountCopies));
}

#[derive(Debug)]
struct CountCopies;

impl AnalyzerRule for CountCopies {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let counted = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Join(join) if is_set_operation(&join) => Ok(Transformed::yes(counting(join)?)),
            other => Ok(Transformed::no(other)),
        });
        counted.data()
    }

    fn name(&self) -> &'static str {
        "maar_set_operations_all"
    }
}

/// Before the optimizer nothing else joins by keys that take NULL for a value. Without ALL the left side is distinct.
fn is_set_operation(join: &Join) -> bool {
    matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && join.null_equality == NullEquality::NullEqualsNull
        && join.on.len() == join.left.schema().fields().len()
        && join.filter.is_none()
        && !matches!(*join.left, LogicalPlan::Distinct(Distinct::All(_)))
}

const NUMBER: &str = "__number";
const COPIES: &str = "__copies";

fn counting(join: Join) -> Result<LogicalPlan> {
    let is_except = join.join_type == JoinType::LeftAnti;
    let columns: Vec<Expr> = join.left.schema().columns().into_iter().map(Expr::Column).collect();
    let (left_keys, right_keys): (Vec<Expr>, Vec<Expr>) = join.on.into_iter().unzip();
    let number = row_number().partition_by(left_keys.clone()).build()?.alias(NUMBER);
    let numbered = LogicalPlanBuilder::from(join.left).window(vec![number])?.build()?;

    let names: Vec<String> = (0..right_keys.len()).map(|at| format!("__key_{at}")).collect();
    let keys: Vec<Expr> = right_keys.into_iter().zip(&names).map(|(key, name)| key.alias(name)).collect();
    let copies =
        LogicalPlanBuilder::from(join.right).aggregate(keys, vec![count(lit(1_i64)).alias(COPIES)])?.build()?;

    let named = |name: &str| Expr::Column(Column::new_unqualified(name));
    let on = left_keys.into_iter().zip(names.iter().map(|name| named(name))).collect();
    let joined = LogicalPlan::Join(Join::try_new(
        Arc::new(numbered),
        Arc::new(copies),
        on,
        None,
        if is_except { JoinType::Left } else { JoinType::Inner },
        JoinConstraint::On,
        NullEquality::NullEqualsNull,
        false,
    )?);
    let number = cast(named(NUMBER), DataType::Int64);
    let kept =
        if is_except { named(COPIES).is_null().or(number.gt(named(COPIES))) } else { number.lt_eq(named(COPIES)) };
    LogicalPlanBuilder::from(joined).filter(kept)?.project(columns)?.build()
}
