//! Conditions keep their order where one guards another: DataFusion moves comparisons with literals to the end, and what it
//! takes for cheap, casts and divisions among it, to the front.
//!
//! What can fail is hidden from the rule inside a function, which it takes for dear: then everything else goes in front. And
//! the rule takes `1 = a AND a = 1` for two values and `1 <= a AND 1 < a` for one bound: columns go to the left.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, LogicalPlan};
use datafusion::optimizer::OptimizerConfig;

use super::super::plans::{any_expression, map_named};
use super::super::rules::{Rule, wrap};
use super::risk::can_fail;
use super::sealed::{has_seal, seal_whole, unseal};

const WRAPPED: &str = "push_down_filter";

pub(super) fn install(rules: &mut [Rule]) -> crate::error::Result<()> {
    wrap(rules, WRAPPED, ordered)
}

fn ordered(host: &Rule, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    let filter = match plan {
        LogicalPlan::Filter(filter) if concerns(&filter) => filter,
        other => return host.rewrite(other, config),
    };
    let before = filter.predicate.clone();
    let schema = Arc::clone(filter.input.schema());
    let mut sealed = false;
    let hidden = split_conjunction_owned(filter.predicate).into_iter().map(|e| match can_fail(&e, &schema) {
        true => {
            sealed = true;
            seal_whole(e)
        }
        false => column_first(e),
    });
    let Some(predicate) = conjunction(hidden) else {
        return datafusion::common::internal_err!("a filter without a condition");
    };
    let filter = Filter::new(predicate, filter.input);
    let pushed = host.rewrite(LogicalPlan::Filter(filter), config)?;
    let changed = pushed.transformed;
    let plan = if sealed { pushed.data.transform_down(unseal_node).data()? } else { pushed.data };
    let same = matches!(&plan, LogicalPlan::Filter(filter) if filter.predicate == before);
    Ok(Transformed::new_transformed(plan, changed && !same))
}

fn unseal_node(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if any_expression(&node, has_seal)? { map_named(node, unseal) } else { Ok(Transformed::no(node)) }
}

/// Whether one of several conditions can fail, or has a literal on the left.
fn concerns(filter: &Filter) -> bool {
    let conditions = split_conjunction(&filter.predicate);
    conditions.len() > 1 && conditions.into_iter().any(|e| is_literal_first(e) || can_fail(e, filter.input.schema()))
}

fn is_literal_first(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryExpr(binary) if binary.left.as_literal().is_some() && binary.op.swap().is_some())
}

fn column_first(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryExpr(binary) if binary.left.as_literal().is_some() => match binary.op.swap() {
            Some(op) => Expr::BinaryExpr(BinaryExpr::new(binary.right, op, binary.left)),
            None => Expr::BinaryExpr(binary),
        },
        other => other,
    }
}
