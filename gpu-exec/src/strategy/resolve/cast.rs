//! CAST and TRY_CAST between the types of the device, as arrow does them.

use super::calendar::per_day;
use super::constant::{is_null, null};
use super::number::{arithmetic_constant, floor_divide, narrow, power_of_ten, rescale, scale_down, scale_of};
use crate::error::Result;
use crate::ir::{ArithmeticOp, Bounds, Failure, Type, Value, ValueKind};
use crate::strategy::scope::repr_of;

/// A cast between types that have a device form, as arrow does it.
pub(in crate::strategy) fn cast(value: Value, from: Type, to: Type, failure: Failure) -> Result<Value> {
    if from == to {
        return Ok(value);
    }
    if is_null(&value) {
        return Ok(null(to));
    }
    let nullable = value.nullable;
    let boxed = Box::new(value.clone());
    Ok(match (from, to) {
        (Type::Bool, Type::Int { .. }) => Value::int(ValueKind::BoolToInt(boxed), nullable, Bounds::new(0, 1)),
        (Type::Int { .. }, Type::Bool) => Value::bool(ValueKind::IntToBool(boxed), nullable),
        (Type::Float { .. }, Type::Float { .. }) => Value::float(ValueKind::FloatToFloat(boxed), repr_of(to), nullable),
        (_, Type::Float { .. }) => {
            let divisor = power_of_ten(scale_of(from))? as f64;
            Value::float(ValueKind::IntToFloat { input: boxed, divisor }, repr_of(to), nullable)
        }
        (Type::Float { .. }, _) => {
            let (factor, round) = (power_of_ten(scale_of(to))? as f64, to.is_decimal());
            let limits = Bounds::of_type(to);
            let kind = ValueKind::FloatToInt { input: boxed, factor, round, limits, failure };
            Value::int(kind, nullable || failure == Failure::Null, limits)
        }
        (Type::Date, Type::Timestamp { unit }) => {
            arithmetic_constant(ArithmeticOp::Multiply, value, per_day(unit), to)?
        }
        (Type::Timestamp { unit }, Type::Date) => floor_divide(value, per_day(unit)),
        (Type::Timestamp { unit: a }, Type::Timestamp { unit: b }) if per_day(a) < per_day(b) => {
            arithmetic_constant(ArithmeticOp::Multiply, value, per_day(b) / per_day(a), to)?
        }
        (Type::Timestamp { unit: a }, Type::Timestamp { unit: b }) => scale_down(value, per_day(a) / per_day(b), false),
        _ => cast_exact(value, from, to, failure)?,
    })
}

/// Integers and decimals among each other.
fn cast_exact(value: Value, from: Type, to: Type, failure: Failure) -> Result<Value> {
    let up = scale_of(to) - scale_of(from);
    let limits = Bounds::of_type(to);
    if up >= 0 {
        return Ok(narrow(rescale(value, from, scale_of(to))?, limits, failure));
    }
    // Decimals round half away from zero among themselves and are truncated towards integers.
    Ok(narrow(scale_down(value, power_of_ten(-up)?, to.is_decimal()), limits, failure))
}
