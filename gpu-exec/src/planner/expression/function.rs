//! Scalar functions over columns that are not text: a few become expressions, the rest has a reason.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::BinaryExpr;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::scalar::ScalarValue;

use super::{comparison, date, engine, literal, round, text, translate_tree as translate_any, typed};
use crate::ir::{ArithmeticOp, CompareOp, Expr, ExprKind, Rounding, Type};
use crate::planner::Reason;
use crate::planner::support::{self, Subject};

pub(super) fn translate(
    expr: &Arc<dyn PhysicalExpr>,
    function: &ScalarFunctionExpr,
    schema: &Schema,
) -> Result<Expr, Reason> {
    let is_text = |arg: &&Arc<dyn PhysicalExpr>| matches!(typed(arg, schema), Ok((_, Type::Text)));
    let reads_text = function.args().iter().filter(is_text).any(|arg| literal::value_of(arg).is_none());
    match function.fun().name() {
        "date_part" => date::translate_part(expr, function, schema),
        "date_trunc" => date::translate_trunc(expr, function, schema),
        _ if reads_text => Err(text::reason(expr, schema)),
        "abs" => translate_abs(expr, function, schema),
        "nullif" => translate_nullif(expr, function, schema),
        "greatest" => translate_extreme(expr, function, CompareOp::GreaterOrEqual, schema),
        "least" => translate_extreme(expr, function, CompareOp::LessOrEqual, schema),
        name => match (Rounding::named(name), engine::translate(expr, function, schema)?) {
            (Some(rounding), _) => round::translate(expr, function, rounding, schema),
            (_, Some(translated)) => Ok(translated),
            _ => Err(Reason::at(expr.as_ref(), support::function_reason(name))),
        },
    }
}

/// `CASE WHEN x < 0 THEN -x ELSE x END`. Floats need `x <= 0` and `0 - x`: -0.0 is not below zero and loses its sign.
fn translate_abs(expr: &Arc<dyn PhysicalExpr>, function: &ScalarFunctionExpr, schema: &Schema) -> Result<Expr, Reason> {
    let at = |cause: &dyn std::fmt::Display| Reason::at(expr.as_ref(), cause);
    let [input] = function.args() else { return Err(at(&"abs takes one argument")) };
    let (data_type, ty) = typed(input, schema)?;
    support::require(Subject::Function, "abs", ty).map_err(|cause| at(&cause))?;
    let input = translate_any(input, schema)?;
    if matches!(ty, Type::Int { signed: false, .. }) {
        return Ok(input);
    }
    let nullable = input.nullable;
    let boxed = || Box::new(input.clone());
    let (op, zero, negated) = if ty.is_float() {
        let zero = ScalarValue::new_zero(&data_type).map_err(|error| at(&error))?;
        let zero = literal::constant(zero, ty);
        let left = Box::new(zero.clone());
        (CompareOp::LessOrEqual, zero, ExprKind::Arithmetic { op: ArithmeticOp::Subtract, left, right: boxed() })
    } else {
        let zero = literal::from_integer(0, &data_type).ok_or_else(|| at(&"abs of this type has no device form"))?;
        (CompareOp::Less, literal::constant(zero, ty), ExprKind::Negate(boxed()))
    };
    let is_negative = ExprKind::Compare { op, left: boxed(), right: Box::new(zero) };
    let branches = vec![(Expr::new(is_negative, Type::Bool, nullable), Expr::new(negated, ty, nullable))];
    Ok(Expr::new(ExprKind::Case { branches, otherwise: Some(Box::new(input)) }, ty, nullable))
}

/// Most values of a GREATEST or LEAST: one so far stands in three places of the next.
const EXTREMES_MAX: usize = 4;

/// `CASE WHEN a IS NULL THEN b WHEN b IS NULL THEN a WHEN a >= b THEN a ELSE b END`, and with that for `a` on to the next.
fn translate_extreme(
    expr: &Arc<dyn PhysicalExpr>,
    function: &ScalarFunctionExpr,
    op: CompareOp,
    schema: &Schema,
) -> Result<Expr, Reason> {
    let at = |cause: &dyn std::fmt::Display| Reason::at(expr.as_ref(), cause);
    let (_, ty) = typed(expr, schema)?;
    support::require(Subject::Function, function.fun().name(), ty).map_err(|cause| at(&cause))?;
    let values = function.args().iter().map(|arg| translate_any(arg, schema)).collect::<Result<Vec<_>, _>>()?;
    if values.len() > EXTREMES_MAX || values.iter().any(|value| value.ty != ty) {
        return Err(at(&format!("of more than {EXTREMES_MAX} values or of several types it has no device form")));
    }
    let joined = values.into_iter().reduce(|so_far, next| {
        let nullable = so_far.nullable && next.nullable;
        let compare = ExprKind::Compare { op, left: Box::new(so_far.clone()), right: Box::new(next.clone()) };
        let compare = Expr::new(compare, Type::Bool, so_far.nullable || next.nullable);
        let mut branches = Vec::with_capacity(3);
        if so_far.nullable {
            branches.push((super::is_null(so_far.clone()), next.clone()));
        }
        if next.nullable {
            branches.push((super::is_null(next.clone()), so_far.clone()));
        }
        branches.push((compare, so_far));
        Expr::new(ExprKind::Case { branches, otherwise: Some(Box::new(next)) }, ty, nullable)
    });
    joined.ok_or_else(|| at(&"it takes a value"))
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
    if ty.is_float() && literal::value_of(right).is_none_or(|value| comparison::is_zero(&value)) {
        return Err(at(&"the host's nullif tells -0.0 from 0.0, the device does not"));
    }
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
