//! `& | ^` and shifts of integers.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::BinaryExpr;

use super::{nullable, translate_tree as translate_any, typed};
use crate::ir::{BitOp, Expr, ExprKind};
use crate::planner::Reason;
use crate::planner::support::{self, Subject};

/// Operator, device operator, name in the support table.
const OPERATORS: &[(Operator, BitOp, &str)] = &[
    (Operator::BitwiseAnd, BitOp::And, "& | ^"),
    (Operator::BitwiseOr, BitOp::Or, "& | ^"),
    (Operator::BitwiseXor, BitOp::Xor, "& | ^"),
    (Operator::BitwiseShiftLeft, BitOp::ShiftLeft, "<< >>"),
    (Operator::BitwiseShiftRight, BitOp::ShiftRight, "<< >>"),
];

/// The expression, or `None` where its operator is another one.
pub(super) fn translate(
    expr: &Arc<dyn PhysicalExpr>,
    binary: &BinaryExpr,
    schema: &Schema,
) -> Result<Option<Expr>, Reason> {
    let Some((_, op, name)) = OPERATORS.iter().find(|(host, _, _)| host == binary.op()) else { return Ok(None) };
    let (_, ty) = typed(expr, schema)?;
    let left = translate_any(binary.left(), schema)?;
    let right = translate_any(binary.right(), schema)?;
    for operand in [&left, &right] {
        support::require(Subject::Expression, name, operand.ty).map_err(|cause| Reason::at(expr.as_ref(), cause))?;
    }
    if left.ty != ty || right.ty != ty {
        return Err(Reason::at(expr.as_ref(), format!("{} over mixed types has no device form", op.sign())));
    }
    let kind = ExprKind::Bits { op: *op, left: Box::new(left), right: Box::new(right) };
    Ok(Some(Expr::new(kind, ty, nullable(expr, schema))))
}
