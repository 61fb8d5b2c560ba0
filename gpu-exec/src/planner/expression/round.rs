//! `round`, `trunc`, `floor` and `ceil` of numbers. The host's types of their results are held to what is computed here.

use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, Schema};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::{literal, translate_tree as translate_any, typed};
use crate::ir::{Expr, ExprKind, Rounding, Type};
use crate::planner::Reason;
use crate::planner::support::{self, Subject};

pub(super) fn translate(
    expr: &Arc<dyn PhysicalExpr>,
    function: &ScalarFunctionExpr,
    rounding: Rounding,
    schema: &Schema,
) -> Result<Expr, Reason> {
    let at = |cause: &dyn std::fmt::Display| Reason::at(expr.as_ref(), cause);
    let name = rounding.name();
    let (input, places) = match function.args() {
        [input] => (input, None),
        [input, places] => {
            let known = places_of(places);
            let reason = || at(&format!("{name} to a number of places that is no constant has no device form"));
            (input, Some(known.ok_or_else(reason)?))
        }
        _ => return Err(at(&format!("{name} takes one or two arguments"))),
    };
    let ((_, from), (_, to)) = (typed(input, schema)?, typed(expr, schema)?);
    support::require(Subject::Function, name, from).map_err(|cause| at(&cause))?;
    if to != rounded_type(rounding, places, from) && Some(to) != whole_type(rounding, from) {
        return Err(at(&format!("{name} to another type has no device form")));
    }
    if let (Type::Float { bytes }, Some(places)) = (from, places)
        && rounding.factor(places, bytes).is_none()
    {
        return Err(at(&format!("{name} to {places} places leaves the range of floats")));
    }
    let input = translate_any(input, schema)?;
    if input.ty != from {
        return Err(at(&format!("{name} of a value of two types has no device form")));
    }
    let nullable = input.nullable;
    Ok(Expr::new(ExprKind::Round { rounding, places, input: Box::new(input) }, to, nullable))
}

fn places_of(expr: &Arc<dyn PhysicalExpr>) -> Option<i32> {
    i32::try_from(literal::integer(&literal::value_of(expr)?)?).ok()
}

/// What the host makes of a type: `round` of a decimal keeps no more digits behind the point than it is asked for, and
/// of a whole number rounded to tens there may be one digit more.
fn rounded_type(rounding: Rounding, places: Option<i32>, from: Type) -> Type {
    let (Rounding::Nearest, Type::Decimal { precision, scale }) = (rounding, from) else { return from };
    let places = places.unwrap_or(0);
    let carries = scale == 0 && places < 0 && places.unsigned_abs() <= u32::from(precision);
    Type::Decimal {
        precision: (precision + u8::from(carries)).min(DECIMAL128_MAX_PRECISION),
        scale: i8::try_from(places.max(0)).map_or(scale, |places| places.min(scale)),
    }
}

/// What the engine has for the next whole number of a decimal, so that it always fits.
fn whole_type(rounding: Rounding, from: Type) -> Option<Type> {
    match (rounding, from) {
        (Rounding::Floor | Rounding::Ceil, Type::Decimal { precision, scale: scale @ 1.. }) => {
            Some(Type::Decimal { precision: precision.checked_sub(scale.unsigned_abs())? + 1, scale: 0 })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_the_places_that_are_asked_for() {
        let decimal = |precision, scale| Type::Decimal { precision, scale };
        let rounded = |places, from| rounded_type(Rounding::Nearest, places, from);
        assert_eq!(rounded(None, decimal(7, 2)), decimal(7, 0));
        assert_eq!(rounded(Some(1), decimal(7, 2)), decimal(7, 1));
        assert_eq!(rounded(Some(300), decimal(7, 2)), decimal(7, 2));
        assert_eq!(rounded(Some(-1), decimal(7, 2)), decimal(7, 0));
        assert_eq!(rounded(Some(-7), decimal(7, 0)), decimal(8, 0));
        assert_eq!(rounded(Some(-8), decimal(7, 0)), decimal(7, 0));
        assert_eq!(rounded(Some(-1), decimal(38, 0)), decimal(38, 0));
        assert_eq!(rounded_type(Rounding::TowardsZero, None, decimal(7, 2)), decimal(7, 2));
        assert_eq!(whole_type(Rounding::Ceil, decimal(7, 2)), Some(decimal(6, 0)));
        assert_eq!(whole_type(Rounding::Ceil, decimal(7, 0)), None);
    }
}
