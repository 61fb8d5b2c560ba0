//! Times of different units are compared without converting one to the unit of the other where that overflows or cuts off. A
//! constant becomes one of the column's unit, rounded so that the same rows pass; two columns are in `pairs`.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, NullEquality, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Case, InList};
use datafusion::logical_expr::utils::{conjunction, disjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, Join, LogicalPlan, Operator, Subquery, and, lit, or};
use datafusion::optimizer::AnalyzerRule;

use super::super::plans::{any_expression, any_node, input_schema, map_named};
use super::constants::{Constant, is_null};
use super::numbers;
use super::pairs::{self, Standing};
use super::times_of_rows::{Place, Time, binary};

/// The rule; it goes behind type coercion, which puts the casts that are taken off again.
#[derive(Debug)]
pub(super) struct ExactTimes;

impl AnalyzerRule for ExactTimes {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        if !any_node(&plan, has_cast_of_time)? {
            return Ok(plan);
        }
        plan.transform_up_with_subqueries(|node| {
            if !has_cast_of_time(&node)? {
                return Ok(Transformed::no(node));
            }
            let schema = input_schema(&node)?;
            let node = match node {
                LogicalPlan::Filter(filter) => {
                    LogicalPlan::Filter(Filter::new(conditions(filter.predicate, &schema), filter.input))
                }
                LogicalPlan::Join(join) => LogicalPlan::Join(joined(join, &schema)),
                other => other,
            };
            map_named(node, |expr| rewritten(expr, &schema, Operands::Any))
        })
        .data()
    }

    fn name(&self) -> &str {
        "maar_exact_times"
    }
}

/// Whether the node itself has a cast to a timestamp, or tests a value against a column that is cast to one.
pub(in super::super) fn has_cast_of_time(plan: &LogicalPlan) -> Result<bool> {
    any_expression(plan, |expr| expr.exists(|e| Ok(is_cast_to_time(e))).unwrap_or(true))
}

fn is_cast_to_time(expr: &Expr) -> bool {
    let column_of = |subquery: &Subquery| match subquery.subquery.as_ref() {
        LogicalPlan::Projection(projection) => projection.expr.first().map(|column| column.clone().unalias()),
        _ => None,
    };
    match expr {
        Expr::Cast(cast) => matches!(cast.field.data_type(), DataType::Timestamp(..)),
        Expr::TryCast(cast) => matches!(cast.field.data_type(), DataType::Timestamp(..)),
        Expr::InSubquery(test) => column_of(&test.subquery).is_some_and(|column| is_cast_to_time(&column)),
        Expr::SetComparison(test) => column_of(&test.subquery).is_some_and(|column| is_cast_to_time(&column)),
        _ => false,
    }
}

/// Every comparison in `expr` of a time with a constant, in the unit of the time.
pub(in super::super) fn compare_exactly(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    rewritten(expr, schema, Operands::WithConstant)
}

/// Which comparisons are rewritten.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operands {
    Any,
    /// Those of a constant: the form of two columns has such a comparison inside and would be rewritten again.
    WithConstant,
}

/// The parts of a condition: those that compare two columns stay such that a join finds its keys.
fn conditions(condition: Expr, schema: &DFSchema) -> Expr {
    let parts = split_conjunction_owned(condition).into_iter().map(|part| {
        let BinaryExpr { left, op, right } = match part {
            Expr::BinaryExpr(compared) if compared.op == Operator::Eq => compared,
            other => return other,
        };
        let found = two_times(&left, op, &right, schema, Standing::Condition);
        found.unwrap_or_else(|| Expr::BinaryExpr(BinaryExpr { left, op, right }))
    });
    conjunction(parts).unwrap_or_else(|| lit(true))
}

fn joined(mut join: Join, schema: &DFSchema) -> Join {
    join.filter = join.filter.map(|filter| conditions(filter, schema));
    if join.null_equality == NullEquality::NullEqualsNothing {
        for (left, right) in &mut join.on {
            let times = Time::of(left, join.left.schema()).zip(Time::of(right, join.right.schema()));
            if let Some((left_key, right_key)) = times.and_then(|(left, right)| pairs::keys(&left, &right)) {
                (*left, *right) = (left_key, right_key);
            }
        }
    }
    join
}

fn rewritten(expr: Expr, schema: &DFSchema, operands: Operands) -> Result<Transformed<Expr>> {
    let compared = |left: &Expr, op, right: &Expr| comparison(left, op, right, schema, operands);
    expr.transform_up(|e| {
        if operands == Operands::Any
            && let Some(exact) = numbers::with_subquery(&e, schema)?
        {
            return Ok(Transformed::yes(exact));
        }
        let exact = match &e {
            Expr::BinaryExpr(binary) => compared(&binary.left, binary.op, &binary.right),
            Expr::Between(between) if !between.expr.is_volatile() => {
                let (low_op, high_op) =
                    if between.negated { (Operator::Lt, Operator::Gt) } else { (Operator::GtEq, Operator::LtEq) };
                let low = compared(&between.expr, low_op, &between.low);
                let high = compared(&between.expr, high_op, &between.high);
                let plain = |op, bound: &Expr| binary(between.expr.as_ref().clone(), op, bound.clone());
                match (low, high) {
                    (None, None) => None,
                    (low, high) => {
                        let low = low.unwrap_or_else(|| plain(low_op, &between.low));
                        let high = high.unwrap_or_else(|| plain(high_op, &between.high));
                        Some(if between.negated { or(low, high) } else { and(low, high) })
                    }
                }
            }
            Expr::InList(list) => membership(list, schema).or_else(|| spelt_out(list, &compared)),
            Expr::Case(case) => chosen(case, &compared),
            _ => None,
        };
        Ok(exact.map_or_else(|| Transformed::no(e), Transformed::yes))
    })
}

fn comparison(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema, operands: Operands) -> Option<Expr> {
    if let (Some(left), Some(right)) = (Constant::of(left), Constant::of(right)) {
        return left.compared(op, &right);
    }
    if let (Some(time), Some(value)) = (Time::of(left, schema), Constant::of(right)) {
        return time.compared(op, &value).filter(|_| time.is_converted || value.is_converted);
    }
    if let (Some(value), Some(time)) = (Constant::of(left), Time::of(right, schema)) {
        return time.compared(op.swap()?, &value).filter(|_| time.is_converted || value.is_converted);
    }
    if operands == Operands::WithConstant { None } else { two_times(left, op, right, schema, Standing::Value) }
}

fn two_times(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema, standing: Standing) -> Option<Expr> {
    if !op.supports_propagation() || is_null(left) || is_null(right) {
        return None;
    }
    pairs::compared(&Time::of(left, schema)?, op, &Time::of(right, schema)?, standing)
}

/// `time IN (constants)`: those that no time of the unit equals are left out.
fn membership(list: &InList, schema: &DFSchema) -> Option<Expr> {
    let has_null = list.list.iter().any(is_null);
    let constants = || list.list.iter().filter(|item| !is_null(item));
    if let Some(tested) = Constant::of(&list.expr) {
        let equal = constants().map(|item| tested.is(&Constant::of(item)?)).collect::<Option<Vec<bool>>>()?;
        let found = equal.contains(&true);
        let known = found || !has_null;
        return Some(if known { lit(found != list.negated) } else { lit(ScalarValue::Boolean(None)) });
    }
    let values = constants().map(Constant::of).collect::<Option<Vec<_>>>()?;
    let time = Time::of(&list.expr, schema)?;
    if !time.is_converted && !values.iter().any(|value| value.is_converted) {
        return None;
    }
    let mut kept = Vec::new();
    for value in &values {
        match time.place(value)? {
            Place::At(literal) => kept.push(literal),
            Place::Between(_) | Place::Below | Place::Above => {}
        }
    }
    if has_null {
        kept.push(time.null()?);
    }
    Some(match (kept.is_empty(), list.negated) {
        (false, negated) => time.expr.in_list(kept, negated),
        (true, false) => time.never()?,
        (true, true) => time.always()?,
    })
}

/// `time IN (times)` as the comparisons that it stands for, where one of them is to be rewritten.
fn spelt_out(list: &InList, compared: &dyn Fn(&Expr, Operator, &Expr) -> Option<Expr>) -> Option<Expr> {
    if list.expr.is_volatile() {
        return None;
    }
    let found: Vec<Option<Expr>> = list.list.iter().map(|item| compared(&list.expr, Operator::Eq, item)).collect();
    if found.iter().all(Option::is_none) {
        return None;
    }
    let plain = |item: &Expr| binary(list.expr.as_ref().clone(), Operator::Eq, item.clone());
    let equal = found.into_iter().zip(&list.list).map(|(found, item)| found.unwrap_or_else(|| plain(item)));
    let any = disjunction(equal)?;
    Some(if list.negated { Expr::Not(Box::new(any)) } else { any })
}

/// `CASE time WHEN time` with its comparisons written out, where one of them is to be rewritten.
fn chosen(case: &Case, compared: &dyn Fn(&Expr, Operator, &Expr) -> Option<Expr>) -> Option<Expr> {
    let tested = case.expr.as_ref().filter(|tested| !tested.is_volatile())?;
    let found: Vec<Option<Expr>> =
        case.when_then_expr.iter().map(|(value, _)| compared(tested, Operator::Eq, value)).collect();
    if found.iter().all(Option::is_none) {
        return None;
    }
    let plain = |value: &Expr| binary(tested.as_ref().clone(), Operator::Eq, value.clone());
    let branches = found.into_iter().zip(&case.when_then_expr);
    let branches = branches
        .map(|(found, (value, then))| (Box::new(found.unwrap_or_else(|| plain(value))), then.clone()))
        .collect();
    Some(Expr::Case(Case::new(None, branches, case.else_expr.clone())))
}
