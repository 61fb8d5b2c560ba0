//! `+ - * / %` and negation of numbers.
//!
//! Operands of a decimal operation may differ in precision and scale: the result type tells the scale to compute in.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, NegativeExpr};

use super::{date, nullable, translate_tree as translate_any, typed};
use crate::ir::{ArithmeticOp, Expr, ExprKind};
use crate::planner::Reason;
use crate::planner::support::{self, Subject, Types};

/// Operator, device operator, name in the support table.
const OPERATORS: &[(Operator, ArithmeticOp, &str)] = &[
    (Operator::Plus, ArithmeticOp::Add, "+ - *"),
    (Operator::Minus, ArithmeticOp::Subtract, "+ - *"),
    (Operator::Multiply, ArithmeticOp::Multiply, "+ - *"),
    (Operator::Divide, ArithmeticOp::Divide, "/"),
    (Operator::Modulo, ArithmeticOp::Modulo, "%"),
];

pub(super) fn translate(expr: &Arc<dyn PhysicalExpr>, binary: &BinaryExpr, schema: &Schema) -> Result<Expr, Reason> {
    if let Some(shifted) = date::translate_shift(expr, binary, schema)? {
        return Ok(shifted);
    }
    let Some((_, op, name)) = OPERATORS.iter().find(|(host, _, _)| host == binary.op()) else {
        return Err(Reason::at(expr.as_ref(), format!("the operator {} has no device form", binary.op())));
    };
    let (_, ty) = typed(expr, schema)?;
    let left = translate_any(binary.left(), schema)?;
    let right = translate_any(binary.right(), schema)?;
    for operand in [&left, &right] {
        support::require(Subject::Expression, name, operand.ty).map_err(|cause| Reason::at(expr.as_ref(), cause))?;
    }
    if Types::of(left.ty) != Types::of(right.ty) || Types::of(left.ty) != Types::of(ty) {
        return Err(Reason::at(expr.as_ref(), "arithmetic over mixed types has no device form"));
    }
    let kind = ExprKind::Arithmetic { op: *op, left: Box::new(left), right: Box::new(right) };
    Ok(Expr::new(kind, ty, nullable(expr, schema)))
}

pub(super) fn translate_negation(
    expr: &Arc<dyn PhysicalExpr>,
    negative: &NegativeExpr,
    schema: &Schema,
) -> Result<Expr, Reason> {
    let input = translate_any(negative.arg(), schema)?;
    support::require(Subject::Expression, "negation", input.ty).map_err(|cause| Reason::at(expr.as_ref(), cause))?;
    let (ty, nullable) = (input.ty, input.nullable);
    Ok(Expr::new(ExprKind::Negate(Box::new(input)), ty, nullable))
}
