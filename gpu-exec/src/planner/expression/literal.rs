//! Constants, and exact integers seen in them.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;
use datafusion::scalar::ScalarValue;

use super::cast::HostCast;
use super::device_type;
use crate::ir::{Constant, Expr, ExprKind, Type};
use crate::planner::Reason;
use crate::planner::support::{self, Subject};

/// A constant; `host` is the expression it comes from.
pub(super) fn translate(value: &ScalarValue, host: &dyn PhysicalExpr) -> Result<Expr, Reason> {
    let value = plain(value);
    let ty = device_type(&value.data_type())
        .ok_or_else(|| Reason::at(host, format!("a constant of type {} has no device form", value.data_type())))?;
    support::require(Subject::Expression, "literal", ty).map_err(|cause| Reason::at(host, cause))?;
    Ok(constant(value.clone(), ty))
}

pub(super) fn constant(value: ScalarValue, ty: Type) -> Expr {
    let nullable = value.is_null();
    Expr::new(ExprKind::Literal(value), ty, nullable)
}

/// The value of a constant, also under casts that the host's planner left standing.
pub(super) fn value_of(expr: &Arc<dyn PhysicalExpr>) -> Option<ScalarValue> {
    if let Some(literal) = expr.downcast_ref::<Literal>() {
        return Some(literal.value().clone());
    }
    let cast = HostCast::of(expr)?;
    let value = value_of(cast.input)?;
    match value.cast_to(cast.target) {
        Ok(value) => Some(value),
        Err(_) if cast.try_cast => ScalarValue::try_from(cast.target).ok(),
        Err(_) => None,
    }
}

/// The value inside a dictionary-typed constant.
pub(super) fn plain(value: &ScalarValue) -> &ScalarValue {
    match value {
        ScalarValue::Dictionary(_, inner) => plain(inner),
        other => other,
    }
}

/// The integer a constant is on the device (unscaled units for decimals); `None` for NULL, floats and text.
pub(super) fn integer(value: &ScalarValue) -> Option<i128> {
    match Constant::of(plain(value)) {
        Some(Constant::Int(value)) => Some(value),
        _ => None,
    }
}

/// The constant of a host type that is this integer on the device; `None` where the type cannot hold it.
pub(super) fn from_integer(value: i128, data_type: &DataType) -> Option<ScalarValue> {
    Some(match data_type {
        DataType::Int8 => ScalarValue::Int8(Some(value.try_into().ok()?)),
        DataType::Int16 => ScalarValue::Int16(Some(value.try_into().ok()?)),
        DataType::Int32 => ScalarValue::Int32(Some(value.try_into().ok()?)),
        DataType::Int64 => ScalarValue::Int64(Some(value.try_into().ok()?)),
        DataType::UInt8 => ScalarValue::UInt8(Some(value.try_into().ok()?)),
        DataType::UInt16 => ScalarValue::UInt16(Some(value.try_into().ok()?)),
        DataType::UInt32 => ScalarValue::UInt32(Some(value.try_into().ok()?)),
        DataType::UInt64 => ScalarValue::UInt64(Some(value.try_into().ok()?)),
        DataType::Date32 => ScalarValue::Date32(Some(value.try_into().ok()?)),
        DataType::Decimal128(precision, scale) => {
            let limit = 10_u128.checked_pow(u32::from(*precision))?;
            (value.unsigned_abs() < limit).then_some(ScalarValue::Decimal128(Some(value), *precision, *scale))?
        }
        DataType::Timestamp(unit, zone) => {
            let (value, zone) = (Some(value.try_into().ok()?), zone.clone());
            match unit {
                TimeUnit::Second => ScalarValue::TimestampSecond(value, zone),
                TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(value, zone),
                TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(value, zone),
                TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(value, zone),
            }
        }
        _ => return None,
    })
}
