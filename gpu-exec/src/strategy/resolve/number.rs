//! Arithmetic on integers and decimals: scales are made equal, bounds are carried, and a limit is attached only where
//! they cannot prove that a result stays within its type. Not here: changes of type (`cast.rs`).

use super::constant::{is_null, null};
use crate::error::{Error, Result};
use crate::ir::{ArithmeticOp, Bounds, Constant, Failure, Repr, Type, Value, ValueKind};
use crate::strategy::scope::repr_of;

/// What the high half of a 128-bit value counts.
const HALF: i128 = 1 << 64;

/// Everything 128 bits can hold.
const ANY_INTEGER: Bounds = Bounds { min: i128::MIN, max: i128::MAX };

pub(in crate::strategy) fn scale_of(ty: Type) -> i8 {
    match ty {
        Type::Decimal { scale, .. } | Type::WideDecimal { scale, .. } => scale,
        _ => 0,
    }
}

pub(in crate::strategy) fn power_of_ten(exponent: i8) -> Result<i128> {
    u32::try_from(exponent)
        .ok()
        .and_then(|exponent| 10_i128.checked_pow(exponent))
        .ok_or_else(|| Error::internal(format!("no power of ten {exponent} in 128 bits")))
}

/// Limits to check, or `None` where the bounds stay inside them anyway; and the bounds that then hold.
fn limited(exact: Option<Bounds>, limits: Bounds) -> (Option<Bounds>, Bounds) {
    match exact {
        Some(exact) if limits.contains(exact) => (None, exact),
        Some(exact) => (Some(limits), Bounds::new(exact.min.max(limits.min), exact.max.min(limits.max))),
        None => (Some(limits), limits),
    }
}

/// An integer value at a higher scale. As on the host what is only an operand may have more than 38 digits.
pub(in crate::strategy) fn rescale(value: Value, ty: Type, scale: i8) -> Result<Value> {
    let up = scale - scale_of(ty);
    if up <= 0 || value.repr != Repr::Int || is_null(&value) {
        return Ok(value);
    }
    let power = power_of_ten(up)?;
    // A constant is scaled here and now: its width class is then that of the scaled number, and no kernel multiplies.
    if let ValueKind::Constant(Constant::Int(constant)) = value.kind
        && let Some(scaled) = constant.checked_mul(power)
    {
        return Ok(Value::constant(scaled));
    }
    let exact = value.bounds.times(Bounds::new(power, power));
    let (limits, bounds) = limited(exact, ANY_INTEGER);
    let nullable = value.nullable;
    Ok(Value::int(ValueKind::ScaleUp { input: Box::new(value), power, limits }, nullable, bounds))
}

/// Arithmetic with the host's result type.
pub(in crate::strategy) fn arithmetic(
    op: ArithmeticOp,
    (left, left_ty): (Value, Type),
    (right, right_ty): (Value, Type),
    ty: Type,
) -> Result<Value> {
    let nullable = left.nullable || right.nullable;
    if is_null(&left) || is_null(&right) {
        return Ok(null(ty));
    }
    if ty.is_float() {
        let kind = ValueKind::Arithmetic { op, left: Box::new(left), right: Box::new(right), limits: None };
        return Ok(Value::float(kind, repr_of(ty), nullable));
    }
    let common = scale_of(left_ty).max(scale_of(right_ty));
    let (left, right) = match op {
        ArithmeticOp::Add | ArithmeticOp::Subtract | ArithmeticOp::Modulo => {
            (rescale(left, left_ty, common)?, rescale(right, right_ty, common)?)
        }
        // The quotient's scale comes from widening the dividend before an integer division.
        ArithmeticOp::Divide if ty.is_decimal() => {
            let up = scale_of(ty) - scale_of(left_ty) + scale_of(right_ty);
            (rescale(left, left_ty, scale_of(left_ty) + up)?, right)
        }
        ArithmeticOp::Divide | ArithmeticOp::Multiply => (left, right),
    };
    let exact = match op {
        ArithmeticOp::Add => left.bounds.plus(right.bounds),
        ArithmeticOp::Subtract => left.bounds.minus(right.bounds),
        ArithmeticOp::Multiply => left.bounds.times(right.bounds),
        ArithmeticOp::Divide => {
            let magnitude = i128::try_from(left.bounds.magnitude()).ok();
            magnitude.map(|magnitude| Bounds::new(-magnitude, magnitude))
        }
        ArithmeticOp::Modulo => Some(left.bounds.union(Bounds::new(0, 0))),
    };
    let (limits, bounds) = limited(exact, Bounds::of_type(ty));
    let kind = ValueKind::Arithmetic { op, left: Box::new(left), right: Box::new(right), limits };
    Ok(Value::int(kind, nullable, bounds))
}

pub(super) fn negate(value: Value, ty: Type) -> Result<Value> {
    if ty.is_float() {
        let minus = Value::float(ValueKind::Constant(Constant::F64(-1.0)), value.repr, false);
        return arithmetic(ArithmeticOp::Multiply, (value, ty), (minus, ty), ty);
    }
    let mut zero = Value::constant(0);
    zero.bounds = Bounds::new(0, 0);
    let same_scale = ty;
    arithmetic(ArithmeticOp::Subtract, (zero, same_scale), (value, ty), ty)
}

/// Integer to a narrower or equal range.
pub(in crate::strategy) fn narrow(value: Value, limits: Bounds, failure: Failure) -> Value {
    if limits.contains(value.bounds) || is_null(&value) {
        return value;
    }
    let bounds = Bounds::new(value.bounds.min.max(limits.min), value.bounds.max.min(limits.max));
    let nullable = value.nullable || failure == Failure::Null;
    Value::int(ValueKind::Narrow { input: Box::new(value), limits, failure }, nullable, bounds)
}

pub(super) fn scale_down(value: Value, power: i128, round: bool) -> Value {
    if power == 1 {
        return value;
    }
    let extra = i128::from(round);
    let bounds = Bounds::new(value.bounds.min / power - extra, value.bounds.max / power + extra);
    let nullable = value.nullable;
    Value::int(ValueKind::ScaleDown { input: Box::new(value), power, round }, nullable, bounds)
}

/// Arithmetic with a constant that belongs to the types, not to the query.
pub(super) fn arithmetic_constant(op: ArithmeticOp, value: Value, constant: i128, ty: Type) -> Result<Value> {
    let mut right = Value::constant(constant);
    right.bounds = Bounds::new(constant, constant);
    let plain = Type::INT64;
    arithmetic(op, (value, plain), (right, plain), ty)
}

pub(super) fn floor_divide(value: Value, divisor: i128) -> Value {
    let bounds = Bounds::new(value.bounds.min.div_euclid(divisor), value.bounds.max.div_euclid(divisor));
    let nullable = value.nullable;
    Value::int(ValueKind::FloorDivide { input: Box::new(value), divisor }, nullable, bounds)
}

/// The two halves of a 128-bit value: `value = high * 2^64 + low` with `0 <= low < 2^64`.
pub(in crate::strategy) fn halves(value: &Value) -> (Value, Value) {
    split(value, HALF)
}

/// `value = high * unit + low` with `0 <= low < unit`.
pub(in crate::strategy) fn split(value: &Value, unit: i128) -> (Value, Value) {
    let high = floor_divide(value.clone(), unit);
    let nullable = value.nullable;
    let begin = ValueKind::ScaleUp { input: Box::new(high.clone()), power: unit, limits: None };
    let begin = Value::int(begin, nullable, high.bounds.times(Bounds::new(unit, unit)).unwrap_or(ANY_INTEGER));
    let (left, right) = (Box::new(value.clone()), Box::new(begin));
    let low = ValueKind::Arithmetic { op: ArithmeticOp::Subtract, left, right, limits: None };
    (high, Value::int(low, nullable, Bounds::new(0, unit - 1)))
}

/// What sums of halves add up to; past 128 bits it is an overflow.
pub(in crate::strategy) fn joined_halves(high: Value, low: Value) -> Value {
    let nullable = high.nullable || low.nullable;
    let begin = ValueKind::ScaleUp { input: Box::new(high), power: HALF, limits: Some(ANY_INTEGER) };
    let (left, right) = (Box::new(Value::int(begin, nullable, ANY_INTEGER)), Box::new(low));
    let sum = ValueKind::Arithmetic { op: ArithmeticOp::Add, left, right, limits: Some(ANY_INTEGER) };
    Value::int(sum, nullable, ANY_INTEGER)
}
