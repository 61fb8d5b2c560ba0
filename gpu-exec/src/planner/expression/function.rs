//! Scalar functions over columns that are not text: a few become expressions, the rest has a reason.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::BinaryExpr;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::scalar::ScalarValue;

use super::{date, literal, text, translate as translate_any, typed};
use crate::ir::{CompareOp, Expr, ExprKind, Type};
use crate::planner::Reason;
use crate::planner::support::{self, Subject, Types};

pub(super) fn translate(
    expr: &Arc<dyn PhysicalExpr>,
    function: &ScalarFunctionExpr,
    schema: &Schema,
) -> Result<Expr, Reason> {
    let reads_text = function.args().iter().any(|arg| matches!(typed(arg, schema), Ok((_, Type::Text))));
    match function.fun().name() {
        "date_part" => date::translate_part(expr, function, schema),
        _ if reads_text => Err(text::reason(expr, schema)),
        "abs" => translate_abs(expr, function, schema),
        "nullif" => translate_nullif(expr, function, schema),
        name => {
            let ty = typed(expr, schema)?.1;
            support::require(Subject::Function, name, ty).map_err(|cause| Reason::at(expr.as_ref(), cause))?;
            Err(Reason::at(expr.as_ref(), format!("the function {name} has no device form")))
        }
    }
}

/// `CASE WHEN x < 0 THEN -x ELSE x END`. Floats compare by total order, so that -0.0 is below zero and loses its sign.
fn translate_abs(expr: &Arc<dyn PhysicalExpr>, function: &ScalarFunctionExpr, schema: &Schema) -> Result<Expr, Reason> {
    let at = |cause: &dyn std::fmt::Display| Reason::at(expr.as_ref(), cause);
    let [input] = function.args() else {
        return Err(at(&"abs takes one argument"));
    };
    let (data_type, ty) = typed(input, schema)?;
    support::require(Subject::Function, "abs", ty).map_err(|cause| at(&cause))?;
    let input = translate_any(input, schema)?;
    if matches!(ty, Type::Int { signed: false, .. }) {
        return Ok(input);
    }
    let zero = match Types::of(ty) {
        Types::FLOAT => ScalarValue::new_zero(&data_type).ok(),
        _ => literal::from_integer(0, &data_type),
    };
    let zero = literal::constant(zero.ok_or_else(|| at(&"abs of this type has no device form"))?, ty);
    let nullable = input.nullable;
    let is_negative = ExprKind::Compare { op: CompareOp::Less, left: Box::new(input.clone()), right: Box::new(zero) };
    let is_negative = Expr::new(is_negative, Type::Bool, nullable);
    let negated = Expr::new(ExprKind::Negate(Box::new(input.clone())), ty, nullable);
    let case = ExprKind::Case { branches: vec![(is_negative, negated)], otherwise: Some(Box::new(input)) };
    Ok(Expr::new(case, ty, nullable))
}

/// `CASE WHEN a = b THEN NULL ELSE a END`.
fn translate_nullif(
    expr: &Arc<dyn PhysicalExpr>,
    function: &ScalarFunctionExpr,
    schema: &Schema,
) -> Result<Expr, Reason> {
    let at = |cause: &dyn std::fmt::Display| Reason::at(expr.as_ref(), cause);
    let [left, right] = function.args() else {
        return Err(at(&"nullif takes two arguments"));
    };
    let (data_type, ty) = typed(expr, schema)?;
    support::require(Subject::Function, "nullif", ty).map_err(|cause| at(&cause))?;
    let equal: Arc<dyn PhysicalExpr> = Arc::new(BinaryExpr::new(Arc::clone(left), Operator::Eq, Arc::clone(right)));
    let equal = translate_any(&equal, schema)?;
    let kept = translate_any(left, schema)?;
    if kept.ty != ty {
        return Err(at(&"nullif of two types has no device form"));
    }
    let null = ScalarValue::try_from(&data_type).map_err(|error| at(&error))?;
    let branches = vec![(equal, literal::constant(null, ty))];
    Ok(Expr::new(ExprKind::Case { branches, otherwise: Some(Box::new(kept)) }, ty, true))
}
