//! CASE, in both forms, and the functions that are a CASE in disguise.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, CaseExpr};

use super::{boolean, nullable, translate_tree, typed};
use crate::ir::{Expr, ExprKind, Type};
use crate::planner::Reason;
use crate::planner::support::{self, Subject};

/// A simple CASE (`CASE x WHEN v`) becomes a searched one; a NULL `v` matches nothing, as equality with NULL does.
pub(super) fn translate_case(expr: &Arc<dyn PhysicalExpr>, case: &CaseExpr, schema: &Schema) -> Result<Expr, Reason> {
    let (_, ty) = typed(expr, schema)?;
    support::require(Subject::Expression, "CASE", ty).map_err(|cause| Reason::at(expr.as_ref(), cause))?;
    let branches = case
        .when_then_expr()
        .iter()
        .map(|(when, then)| {
            let condition = match case.expr() {
                Some(base) => equality(base, when),
                None => Arc::clone(when),
            };
            let condition = boolean(translate_tree(&condition, schema)?, condition.as_ref())?;
            Ok((condition, branch(then, ty, schema)?))
        })
        .collect::<Result<Vec<_>, Reason>>()?;
    let otherwise = case.else_expr().map(|value| branch(value, ty, schema)).transpose()?.map(Box::new);
    Ok(Expr::new(ExprKind::Case { branches, otherwise }, ty, nullable(expr, schema)))
}

fn equality(left: &Arc<dyn PhysicalExpr>, right: &Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
    Arc::new(BinaryExpr::new(Arc::clone(left), Operator::Eq, Arc::clone(right)))
}

fn branch(value: &Arc<dyn PhysicalExpr>, ty: Type, schema: &Schema) -> Result<Expr, Reason> {
    let found = translate_tree(value, schema)?;
    if found.ty == ty {
        return Ok(found);
    }
    Err(Reason::at(value.as_ref(), "a CASE branch of another type than the CASE has no device form"))
}
