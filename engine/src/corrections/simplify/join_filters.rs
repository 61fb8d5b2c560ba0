//! The condition of a nested loop join keeps its order: DataFusion computes what hangs on one side alone in a projection below
//! the join, and so also what a CASE or AND keeps from the rows for which it fails.
//!
//! While the rule works, such a condition is one expression of its columns.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::expressions::{BinaryExpr, CaseExpr, Column};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::NestedLoopJoinExec;

use super::lazy;
use super::risk::physical_can_fail;
use crate::exact::physical::{Rewritten, rewrite_operator};

type Expr = Arc<dyn PhysicalExpr>;
type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

const WRAPPED: &str = "ProjectionPushdown";

/// Puts the rule around the host's, wherever that stands.
pub(super) fn install(rules: &mut [Rule]) {
    for rule in rules.iter_mut().filter(|rule| rule.name() == WRAPPED) {
        *rule = Arc::new(WholeConditions { host: Arc::clone(rule) });
    }
}

#[derive(Debug)]
struct WholeConditions {
    host: Rule,
}

impl PhysicalOptimizerRule for WholeConditions {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let hidden = map_conditions(plan, &hide)?;
        let plan = self.host.optimize(hidden.data, config)?;
        if hidden.transformed { map_conditions(plan, &reveal).data() } else { Ok(plan) }
    }

    fn name(&self) -> &str {
        WRAPPED
    }

    fn schema_check(&self) -> bool {
        self.host.schema_check()
    }
}

fn map_conditions(
    plan: Arc<dyn ExecutionPlan>,
    rewrite: &dyn Fn(Expr, &SchemaRef) -> Result<Transformed<Expr>>,
) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    plan.transform_up(|plan| {
        if !plan.is::<NestedLoopJoinExec>() {
            return Ok(Transformed::no(plan));
        }
        match rewrite_operator(&plan, rewrite)? {
            Rewritten::Changed(new) => Ok(Transformed::yes(new)),
            Rewritten::Same | Rewritten::Opaque => Ok(Transformed::no(plan)),
        }
    })
}

fn hide(expr: Expr, schema: &SchemaRef) -> Result<Transformed<Expr>> {
    if !physical_can_fail(&expr, schema) || !expr.exists(|e| Ok(is_lazy(e)))? {
        return Ok(Transformed::no(expr));
    }
    let mut columns: Vec<Expr> = Vec::new();
    expr.apply(|e| {
        if e.is::<Column>() && !columns.contains(e) {
            columns.push(Arc::clone(e));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(Transformed::yes(Arc::new(Whole { expr, columns })))
}

fn reveal(expr: Expr, _: &SchemaRef) -> Result<Transformed<Expr>> {
    Ok(match expr.downcast_ref::<Whole>() {
        Some(whole) => Transformed::yes(Arc::clone(&whole.expr)),
        None => Transformed::no(expr),
    })
}

/// Whether parts of the expression are computed for some rows only.
fn is_lazy(expr: &Expr) -> bool {
    let connects = |binary: &BinaryExpr| matches!(binary.op(), Operator::And | Operator::Or);
    expr.is::<CaseExpr>()
        || lazy::is_guarded(expr)
        || expr.downcast_ref::<BinaryExpr>().is_some_and(connects)
        || expr.downcast_ref::<ScalarFunctionExpr>().is_some_and(|call| call.fun().short_circuits())
}

/// An expression that shows its columns and nothing else of what is inside.
#[derive(Debug)]
struct Whole {
    expr: Expr,
    columns: Vec<Expr>,
}

impl PhysicalExpr for Whole {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.expr.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.expr.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.expr.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.expr.evaluate(batch)
    }

    fn children(&self) -> Vec<&Expr> {
        self.columns.iter().collect()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Expr>) -> Result<Expr> {
        let expr = Arc::clone(&self.expr).transform_up(|e| {
            let at = if e.is::<Column>() { self.columns.iter().position(|column| column.eq(&e)) } else { None };
            match at.and_then(|at| children.get(at)) {
                Some(child) => Ok(Transformed::yes(Arc::clone(child))),
                None => Ok(Transformed::no(e)),
            }
        });
        Ok(Arc::new(Self { expr: expr.data()?, columns: children }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt_sql(f)
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

impl PartialEq for Whole {
    fn eq(&self, other: &Self) -> bool {
        self.expr.eq(&other.expr)
    }
}

impl Eq for Whole {}

impl Hash for Whole {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expr.hash(state);
    }
}
