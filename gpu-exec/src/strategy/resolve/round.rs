//! Rounding as the host does it: floats times a power of ten, to an integer, and back; integers and decimals by division.

use super::constant::{is_null, null};
use super::number::{arithmetic, arithmetic_constant, floor_divide, negate, power_of_ten, scale_down, scale_of};
use crate::error::{Error, Result};
use crate::ir::{ArithmeticOp, Bounds, Constant, FloatFunction, Repr, Rounding, Type, Value, ValueKind};

/// A number of type `from` to so many places, in the host's type of the result.
pub(super) fn round(rounding: Rounding, places: Option<i32>, value: Value, from: Type, to: Type) -> Result<Value> {
    if is_null(&value) {
        return Ok(null(to));
    }
    match from {
        Type::Float { bytes } => of_float(rounding, places, value, (from, bytes)),
        Type::Int { .. } => of_integer(rounding, places.unwrap_or(0), value, from),
        Type::Decimal { precision, scale } => of_decimal(rounding, places.unwrap_or(0), value, (precision, scale), to),
        _ => Err(Error::internal("rounding of what is no number reached the device")),
    }
}

fn of_float(rounding: Rounding, places: Option<i32>, value: Value, (ty, bytes): (Type, u8)) -> Result<Value> {
    let (repr, nullable) = (value.repr, value.nullable);
    let constant = |number: f64| {
        let constant = if repr == Repr::F32 { Constant::F32(number as f32) } else { Constant::F64(number) };
        Value::float(ValueKind::Constant(constant), repr, false)
    };
    let with = |op, value, number| arithmetic(op, (value, ty), (constant(number), ty), ty);
    let function = match rounding {
        Rounding::Nearest => FloatFunction::Round,
        Rounding::TowardsZero => FloatFunction::Truncate,
        Rounding::Floor => FloatFunction::Floor,
        Rounding::Ceil => FloatFunction::Ceil,
    };
    let rounded = |value| Value::float(ValueKind::FloatFunction { function, input: Box::new(value) }, repr, nullable);
    match (rounding, places) {
        // 0.0 of both zeros, and -0.0 of what is between -1 and 0: adding 0.0 changes -0.0 alone.
        (Rounding::TowardsZero, None) => Ok(rounded(with(ArithmeticOp::Add, value, 0.0)?)),
        (_, None | Some(0)) => Ok(rounded(value)),
        (_, Some(places)) => {
            let factor = rounding.factor(places, bytes);
            let factor = factor.ok_or_else(|| Error::internal(format!("no float is ten to the power of {places}")))?;
            let scaled = with(ArithmeticOp::Multiply, value, factor)?;
            with(ArithmeticOp::Divide, rounded(scaled), factor)
        }
    }
}

/// To tens, hundreds, ..: there are no places behind the point.
fn of_integer(rounding: Rounding, places: i32, value: Value, ty: Type) -> Result<Value> {
    if places >= 0 || rounding != Rounding::Nearest {
        return Ok(value);
    }
    match 10_i128.checked_pow(places.unsigned_abs()).filter(|power| *power <= Bounds::of_type(ty).max) {
        Some(power) => arithmetic_constant(ArithmeticOp::Multiply, scale_down(value, power, true), power, ty),
        None => zero_for(value, ty),
    }
}

fn of_decimal(rounding: Rounding, places: i32, value: Value, (precision, scale): (u8, i8), to: Type) -> Result<Value> {
    let cut = i64::from(scale) - i64::from(places);
    let multiple = |value, power| arithmetic_constant(ArithmeticOp::Multiply, value, power, to);
    match rounding {
        Rounding::Nearest | Rounding::TowardsZero if cut <= 0 => Ok(value),
        Rounding::Nearest if places < 0 && cut > i64::from(precision) => zero_for(value, to),
        Rounding::Nearest => {
            let rounded = scale_down(value, power(cut)?, true);
            if places >= 0 { Ok(rounded) } else { multiple(rounded, power(-i64::from(places))?) }
        }
        // The host counts digits of the widest decimal here.
        Rounding::TowardsZero if cut >= 38 => zero_for(value, to),
        Rounding::TowardsZero => multiple(scale_down(value, power(cut)?, false), power(cut)?),
        Rounding::Floor | Rounding::Ceil if scale == 0 => Ok(value),
        Rounding::Floor => next_whole(floor_divide(value, power_of_ten(scale)?), scale, to),
        Rounding::Ceil => {
            let from = Type::Decimal { precision, scale };
            let below = floor_divide(negate(value, from)?, power_of_ten(scale)?);
            next_whole(negate(below, to)?, scale, to)
        }
    }
}

/// A whole number in a type that keeps the places of what it was made of, as the host has it, or in one without places.
fn next_whole(whole: Value, scale: i8, to: Type) -> Result<Value> {
    if scale_of(to) == 0 {
        return Ok(whole);
    }
    arithmetic_constant(ArithmeticOp::Multiply, whole, power_of_ten(scale)?, to)
}

fn power(exponent: i64) -> Result<i128> {
    power_of_ten(i8::try_from(exponent).map_err(|_| Error::internal(format!("ten to the power of {exponent}")))?)
}

/// Zero where the value is not NULL.
fn zero_for(value: Value, ty: Type) -> Result<Value> {
    arithmetic_constant(ArithmeticOp::Multiply, value, 0, ty)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_more_places_stays_as_it_is() {
        let cents = Type::Decimal { precision: 7, scale: 2 };
        let value = Value::int(ValueKind::Register(0), true, Bounds::new(-9_999_999, 9_999_999));
        for (rounding, places) in [(Rounding::Nearest, Some(2)), (Rounding::TowardsZero, Some(9))] {
            assert_eq!(round(rounding, places, value.clone(), cents, cents).unwrap(), value);
        }
        let whole = Type::Decimal { precision: 7, scale: 0 };
        assert_eq!(round(Rounding::Floor, None, value.clone(), whole, whole).unwrap(), value);
        assert_eq!(round(Rounding::Nearest, Some(3), value.clone(), Type::INT32, Type::INT32).unwrap(), value);
        let none = round(Rounding::Nearest, Some(-8), value, whole, whole).unwrap();
        assert!(none.nullable && none.bounds == Bounds::new(0, 0));
    }
}
