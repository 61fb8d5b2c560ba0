//! Trees without columns that hold a scalar subquery: values known only when the query runs.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::scalar_subquery::ScalarSubqueryExpr;
use datafusion::physical_expr_common::physical_expr::is_volatile;

use super::{nullable, typed};
use crate::ir::{Expr, ExprKind, HostFunction};
use crate::planner::Reason;
use crate::planner::support::{self, Subject};

/// The whole tree as one deferred value, or `None` where it holds no subquery or reads a column.
pub(super) fn translate_constant(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Option<Expr>, Reason> {
    if !is_deferred(expr) || is_volatile(expr) {
        return Ok(None);
    }
    let (_, ty) = typed(expr, schema)?;
    support::require(Subject::Expression, "scalar subquery", ty).map_err(|cause| Reason::at(expr.as_ref(), cause))?;
    let function = HostFunction { expr: Arc::clone(expr) };
    Ok(Some(Expr::new(ExprKind::Deferred(function), ty, nullable(expr, schema))))
}

fn is_deferred(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let (mut subqueries, mut columns) = (0, 0);
    let walked = expr.apply(|node| {
        subqueries += usize::from(node.is::<ScalarSubqueryExpr>());
        columns += usize::from(node.is::<Column>());
        Ok(if columns == 0 { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walked.is_ok() && subqueries > 0 && columns == 0
}
