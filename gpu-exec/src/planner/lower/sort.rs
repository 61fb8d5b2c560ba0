//! Sorts: the node that one becomes, and the order of what is placed, in the host's words. Not here: how keys are compared
//! (`strategy/sort.rs`), nor which operators may stand on a sort (`operator.rs`).

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;

use super::is_order_required;
use crate::ir::{Node, SortKey};
use crate::planner::Reason;
use crate::planner::expression::translate;
use crate::planner::support::{self, Subject};

/// The node, over the node of its input.
pub(super) fn build(sort: &SortExec, input: Node) -> Result<Node, Reason> {
    let schema = sort.input().schema();
    let key = |key: &PhysicalSortExpr| {
        let expr = translate(&key.expr, &schema)?;
        support::require(Subject::SortKey, "sort key", expr.ty)
            .map_err(|cause| Reason::at(key.expr.as_ref(), cause))?;
        let (descending, nulls_first) = (key.options.descending, key.options.nulls_first);
        Ok(SortKey { expr, descending, nulls_first })
    };
    let keys = sort.expr().iter().map(key).collect::<Result<_, Reason>>()?;
    Ok(Node::Sort { input: Box::new(input), keys })
}

/// Whether a node's rows are in an order.
pub(super) fn is_sorted(node: &Node) -> bool {
    match node {
        Node::Sort { .. } => true,
        Node::Project { input, .. } | Node::Limit { input, .. } => is_sorted(input),
        Node::Scan { .. }
        | Node::Input { .. }
        | Node::Filter { .. }
        | Node::Join { .. }
        | Node::Aggregate { .. }
        | Node::Union { .. }
        | Node::Window { .. } => false,
    }
}

/// By what the rows of a placed subtree are sorted, over its output: as many of its sort's keys as are put out, from the first
/// on. Nothing where no sort is placed.
pub(super) fn ordering(plan: &Arc<dyn ExecutionPlan>) -> Vec<PhysicalSortExpr> {
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        return sort.expr().iter().cloned().collect();
    }
    let [input] = plan.children()[..] else { return vec![] };
    let below = ordering(input);
    match plan.downcast_ref::<ProjectionExec>() {
        None => below,
        Some(projection) => below.into_iter().map_while(|key| projected(&key, projection)).collect(),
    }
}

/// Whether a subtree holds the host's note that its order is the query's.
pub(super) fn holds_required_order(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match plan.children()[..] {
        [input] => is_order_required(plan) || holds_required_order(input),
        _ => false,
    }
}

/// The key over what is projected, where it can be said.
fn projected(key: &PhysicalSortExpr, projection: &ProjectionExec) -> Option<PhysicalSortExpr> {
    let mut is_lost = false;
    let place = |expr: &Arc<dyn PhysicalExpr>| {
        let column = |(place, item): (usize, &ProjectionExpr)| {
            item.expr.eq(expr).then(|| Arc::new(Column::new(&item.alias, place)) as Arc<dyn PhysicalExpr>)
        };
        projection.expr().iter().enumerate().find_map(column)
    };
    let moved = Arc::clone(&key.expr).transform_down(|expr: Arc<dyn PhysicalExpr>| match place(&expr) {
        Some(column) => Ok(Transformed::new(column, true, TreeNodeRecursion::Jump)),
        None => {
            is_lost |= expr.is::<Column>();
            Ok(Transformed::no(expr))
        }
    });
    let expr = moved.ok()?.data;
    (!is_lost).then(|| PhysicalSortExpr { expr, options: key.options })
}
