//! `sum(100 / k) FILTER (WHERE k <> 0)`: the argument is computed for the rows that the filter lets through, and no others.
//!
//! DataFusion computes arguments for every row of a batch, and common ones in a projection of their own. So an argument that
//! can fail says itself when it is wanted: `CASE WHEN filter THEN argument END`.

use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, when};
use datafusion::optimizer::AnalyzerRule;

use super::super::plans::{any_expression, input_schema, map_named};
use super::risk::can_fail;

#[derive(Debug)]
pub(super) struct GuardArguments;

impl AnalyzerRule for GuardArguments {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(guard_node).data()
    }

    fn name(&self) -> &str {
        "maar_filtered_arguments"
    }
}

fn guard_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let aggregates = matches!(plan, LogicalPlan::Aggregate(_) | LogicalPlan::Window(_));
    if !aggregates || !any_expression(&plan, |e| e.exists(|e| Ok(is_filtered(e))).unwrap_or(false))? {
        return Ok(Transformed::no(plan));
    }
    let schema = input_schema(&plan)?;
    map_named(plan, |expr| expr.transform_up(|e| guard(e, &schema)))
}

fn is_filtered(expr: &Expr) -> bool {
    match expr {
        Expr::AggregateFunction(function) => function.params.filter.is_some(),
        Expr::WindowFunction(function) => function.params.filter.is_some(),
        _ => false,
    }
}

fn guard(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let (filter, args) = match expr {
        Expr::AggregateFunction(ref function) => (function.params.filter.clone(), &function.params.args),
        Expr::WindowFunction(ref function) => (function.params.filter.clone(), &function.params.args),
        other => return Ok(Transformed::no(other)),
    };
    let Some(filter) = filter.filter(|_| args.iter().any(|arg| can_fail(arg, schema))) else {
        return Ok(Transformed::no(expr));
    };
    let guarded = |args: Vec<Expr>| -> Result<Vec<Expr>> {
        let guard = |arg: Expr| match can_fail(&arg, schema) {
            true => when(filter.as_ref().clone(), arg).end(),
            false => Ok(arg),
        };
        args.into_iter().map(guard).collect()
    };
    Ok(Transformed::yes(match expr {
        Expr::AggregateFunction(mut function) => {
            function.params.args = guarded(function.params.args)?;
            Expr::AggregateFunction(function)
        }
        Expr::WindowFunction(mut function) => {
            function.params.args = guarded(function.params.args)?;
            Expr::WindowFunction(function)
        }
        other => other,
    }))
}
