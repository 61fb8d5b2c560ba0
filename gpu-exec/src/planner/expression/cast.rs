//! CAST and TRY_CAST between the types the device computes with.

use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Schema};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, TryCastExpr};

use super::{translate_tree as translate_any, typed};
use crate::ir::{Bounds, Expr, ExprKind, Type};
use crate::planner::Reason;
use crate::planner::support;

/// A cast of either kind as the host writes it.
pub(super) struct HostCast<'a> {
    pub(super) whole: &'a Arc<dyn PhysicalExpr>,
    pub(super) input: &'a Arc<dyn PhysicalExpr>,
    pub(super) target: &'a DataType,
    /// Whether a value that does not fit becomes NULL instead of an error.
    pub(super) try_cast: bool,
}

impl<'a> HostCast<'a> {
    pub(super) fn of_cast(whole: &'a Arc<dyn PhysicalExpr>, cast: &'a CastExpr) -> Self {
        Self { whole, input: cast.expr(), target: cast.cast_type(), try_cast: cast.cast_options().safe }
    }

    pub(super) fn of_try_cast(whole: &'a Arc<dyn PhysicalExpr>, cast: &'a TryCastExpr) -> Self {
        Self { whole, input: cast.expr(), target: cast.cast_type(), try_cast: true }
    }

    /// The expression as a cast, if it is one.
    pub(super) fn of(expr: &'a Arc<dyn PhysicalExpr>) -> Option<Self> {
        if let Some(cast) = expr.downcast_ref::<CastExpr>() {
            return Some(Self::of_cast(expr, cast));
        }
        expr.downcast_ref::<TryCastExpr>().map(|cast| Self::of_try_cast(expr, cast))
    }
}

pub(super) fn translate(cast: HostCast<'_>, schema: &Schema) -> Result<Expr, Reason> {
    let at = |cause: &dyn std::fmt::Display| Reason::at(cast.whole.as_ref(), cause);
    let (source, _) = typed(cast.input, schema)?;
    let (_, to) = typed(cast.whole, schema)?;
    let input = translate_any(cast.input, schema)?;
    if !same_zone(&source, cast.target) {
        return Err(at(&"a cast between time zones has no device form"));
    }
    if input.ty == to {
        return Ok(input);
    }
    support::require_cast(input.ty, to).map_err(|cause| at(&cause))?;
    if cast.try_cast && may_overflow_before_check(input.ty, to) {
        return Err(at(&"TRY_CAST across so many digits has no device form: the intermediate value may overflow"));
    }
    let nullable = input.nullable || (cast.try_cast && exact_multiplier(input.ty, to).is_none());
    Ok(Expr::new(ExprKind::Cast { input: Box::new(input), try_cast: cast.try_cast }, to, nullable))
}

/// Whether the multiplication that a cast begins with can leave 38 digits (64 bits for times), where TRY_CAST means NULL.
fn may_overflow_before_check(from: Type, to: Type) -> bool {
    let whole_digits = |ty: Type| match ty {
        Type::Decimal { precision, scale } => i32::from(precision) - i32::from(scale),
        _ => 20,
    };
    match (from, to) {
        (Type::Decimal { .. } | Type::Int { .. }, Type::Decimal { scale, .. }) => {
            whole_digits(from) + i32::from(scale) > i32::from(DECIMAL128_MAX_PRECISION)
        }
        (Type::Date | Type::Timestamp { .. }, Type::Timestamp { .. }) => true,
        _ => false,
    }
}

/// Whether a cast leaves the instant alone: equal zones, or both UTC or none.
fn same_zone(from: &DataType, to: &DataType) -> bool {
    let zone = |data_type: &DataType| match data_type {
        DataType::Timestamp(_, Some(zone)) if !is_utc(zone) => Some(zone.to_string()),
        _ => None,
    };
    zone(from) == zone(to)
}

pub(super) fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "utc" | "Z" | "+00:00" | "+00" | "Etc/UTC")
}

/// The factor by which a cast that can never fail multiplies the stored integer; `None` for every other cast.
pub(super) fn exact_multiplier(from: Type, to: Type) -> Option<i128> {
    match (from, to) {
        (Type::Int { .. }, Type::Int { .. }) => Bounds::of_type(to).contains(Bounds::of_type(from)).then_some(1),
        (Type::Int { .. }, Type::Decimal { precision, scale }) => {
            let digits = u32::try_from(i32::from(precision) - i32::from(scale)).ok()?;
            let fits = Bounds::of_type(from).magnitude() < 10_u128.checked_pow(digits)?;
            fits.then(|| power_of_ten(scale)).flatten()
        }
        (Type::Decimal { precision: p1, scale: s1 }, Type::Decimal { precision: p2, scale: s2 }) => {
            let whole_digits = |precision: u8, scale: i8| i32::from(precision) - i32::from(scale);
            (s2 >= s1 && whole_digits(p2, s2) >= whole_digits(p1, s1)).then(|| power_of_ten(s2.checked_sub(s1)?))?
        }
        _ => None,
    }
}

fn power_of_ten(exponent: i8) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(exponent).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_casts_that_cannot_fail_have_a_multiplier() {
        let decimal = |precision, scale| Type::Decimal { precision, scale };
        let cases = [
            (Type::INT32, Type::INT64, Some(1)),
            (Type::INT64, Type::INT32, None),
            (Type::Int { bytes: 4, signed: false }, Type::INT32, None),
            (Type::Int { bytes: 4, signed: false }, Type::INT64, Some(1)),
            (Type::INT64, decimal(20, 0), Some(1)),
            (Type::INT64, decimal(19, 0), Some(1)),
            (Type::INT64, decimal(18, 0), None),
            (Type::INT32, decimal(12, 2), Some(100)),
            (decimal(15, 2), decimal(30, 15), Some(10_i128.pow(13))),
            (decimal(15, 2), decimal(15, 3), None),
            (decimal(15, 2), decimal(20, 1), None),
            (Type::INT64, Type::FLOAT64, None),
        ];
        for (from, to, expected) in cases {
            assert_eq!(exact_multiplier(from, to), expected, "{from:?} to {to:?}");
        }
    }
}
