//! Resolving expressions: SQL types become integers with bounds, texts become codes and lookups, literals parameters.
//!
//! This is where the meaning of decimals, casts and calendars is spelled out in plain arithmetic; it follows the host
//! (DataFusion and arrow) except that overflow is an error. Bounds are carried along, and a limit is attached only
//! where they cannot prove that a result stays within its type.

use std::sync::Arc;

use arrow::datatypes::TimeUnit;
use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::ColumnarValue;
use datafusion::scalar::ScalarValue;

use super::lookup::{map_dictionary, translate};
use super::scope::{Open, repr_of};
use crate::column::Dictionary;
use crate::error::{Error, Result};
use crate::ir::{
    ArithmeticOp, Bounds, CompareOp, Constant, DatePart, Expr, ExprKind, Failure, HostFunction, Repr, Type, Value,
    ValueKind,
};

/// A resolved expression, with the dictionary its codes belong to where it is text.
pub(super) struct Resolved {
    pub(super) value: Value,
    pub(super) dictionary: Option<Arc<Dictionary>>,
}

impl From<Value> for Resolved {
    fn from(value: Value) -> Self {
        Self { value, dictionary: None }
    }
}

impl Open {
    /// Resolves an expression over the columns of this pipeline.
    pub(super) fn resolve(&mut self, expr: &Expr) -> Result<Resolved> {
        match &expr.kind {
            ExprKind::Column(index) => {
                let column =
                    self.columns.get(*index).ok_or_else(|| Error::internal(format!("no column {index} in scope")))?;
                Ok(Resolved { value: self.read(column.register), dictionary: column.dictionary.clone() })
            }
            ExprKind::DictionaryMap { input, function } => self.dictionary_map(input, function, expr.ty),
            _ => self.resolve_value(expr).map(Resolved::from),
        }
    }

    /// Resolves an expression whose result is no text.
    pub(super) fn resolve_value(&mut self, expr: &Expr) -> Result<Value> {
        match &expr.kind {
            ExprKind::Column(_) | ExprKind::DictionaryMap { .. } => Ok(self.resolve(expr)?.value),
            ExprKind::Literal(literal) => constant(literal, expr.ty),
            ExprKind::Deferred(function) => constant(&evaluate_once(function)?, expr.ty),
            ExprKind::Arithmetic { op, left, right } => {
                let (l, r) = (self.resolve_value(left)?, self.resolve_value(right)?);
                arithmetic(*op, (l, left.ty), (r, right.ty), expr.ty)
            }
            ExprKind::Negate(input) => negate(self.resolve_value(input)?, expr.ty),
            ExprKind::Compare { op, left, right } => self.compare(*op, left, right),
            ExprKind::And(left, right) => {
                let (l, r) = (self.resolve_value(left)?, self.resolve_value(right)?);
                let nullable = l.nullable || r.nullable;
                Ok(Value::bool(ValueKind::And(Box::new(l), Box::new(r)), nullable))
            }
            ExprKind::Or(left, right) => {
                let (l, r) = (self.resolve_value(left)?, self.resolve_value(right)?);
                Ok(or(l, r))
            }
            ExprKind::Not(input) => Ok(not(self.resolve_value(input)?)),
            ExprKind::IsNull(input) => {
                let input = self.resolve_value(input)?;
                Ok(Value::bool(ValueKind::IsNull(Box::new(input)), false))
            }
            ExprKind::Case { branches, otherwise } => self.case(branches, otherwise.as_deref(), expr.ty),
            ExprKind::Cast { input, try_cast } => {
                let value = self.resolve_value(input)?;
                cast(value, input.ty, expr.ty, if *try_cast { Failure::Null } else { Failure::Cast })
            }
            ExprKind::InList { input, values, has_null, negated } => {
                let input_value = self.resolve_value(input)?;
                self.in_list(input_value, values, *has_null, *negated)
            }
            ExprKind::DatePart { part, input } => Ok(date_part(*part, self.resolve_value(input)?, input.ty)),
            ExprKind::AddInterval { input, months, days, nanoseconds } => {
                let value = self.resolve_value(input)?;
                add_interval(value, expr.ty, *months, *days, *nanoseconds)
            }
        }
    }

    fn dictionary_map(&mut self, input: &Expr, function: &HostFunction, ty: Type) -> Result<Resolved> {
        let input = self.resolve(input)?;
        let dictionary = input.dictionary.ok_or_else(|| Error::internal("a text without a dictionary"))?;
        let mapped = map_dictionary(&dictionary, function, ty)?;
        let value = mapped.value(self.add_lookup(&mapped.table), input.value);
        Ok(Resolved { value, dictionary: mapped.dictionary })
    }

    fn in_list(&mut self, input: Value, values: &[ScalarValue], has_null: bool, negated: bool) -> Result<Value> {
        let constants = values
            .iter()
            .map(|value| {
                literal_constant(value).ok_or_else(|| Error::internal(format!("literal {value} has no device form")))
            })
            .collect::<Result<Vec<_>>>()?;
        let nullable = input.nullable;
        let integers: Option<Vec<i128>> = constants
            .iter()
            .map(|constant| match constant {
                Constant::Int(value) => Some(*value),
                _ => None,
            })
            .collect();
        let kind = match integers {
            Some(integers) if integers.len() > SET_MAX => self.in_table(input, integers),
            _ => ValueKind::InSet { input: Box::new(input), constants },
        };
        let mut found = Value::bool(kind, nullable);
        if has_null {
            found = or(found, null(Type::Bool));
        }
        Ok(if negated { not(found) } else { found })
    }

    /// Many constants become a table, so that text and arguments do not grow with their number.
    fn in_table(&mut self, input: Value, mut integers: Vec<i128>) -> ValueKind {
        integers.sort_unstable();
        integers.dedup();
        let known = integers.iter().fold(input.bounds, |bounds, value| bounds.union(Bounds::new(*value, *value)));
        let elements = known.round_to_width();
        let values = super::lookup::integer_bytes(integers.iter().copied(), elements);
        let table = self.add_lookup(&super::LookupTable { values, valid: vec![] });
        ValueKind::InTable { input: Box::new(input), table, count: integers.len() as u64, elements }
    }

    fn add_lookup(&mut self, table: &super::LookupTable) -> usize {
        self.lookups.push(table.clone());
        self.lookups.len() - 1
    }

    /// Codes of a text as codes of another dictionary.
    pub(super) fn translated(&mut self, text: Resolved, to: &Arc<Dictionary>) -> Result<Value> {
        let from = text.dictionary.ok_or_else(|| Error::internal("a text without a dictionary"))?;
        if Arc::ptr_eq(&from, to) {
            return Ok(text.value);
        }
        let mapped = translate(&from, to);
        let table = self.add_lookup(&mapped.table);
        Ok(mapped.value(table, text.value))
    }

    fn compare(&mut self, op: CompareOp, left: &Expr, right: &Expr) -> Result<Value> {
        let (l, r) = if left.ty == Type::Text {
            let (l, r) = (self.resolve(left)?, self.resolve(right)?);
            let (Some(a), Some(b)) = (&l.dictionary, &r.dictionary) else {
                return Err(Error::internal("a text without a dictionary"));
            };
            let union = Dictionary::union(&[Arc::clone(a), Arc::clone(b)])
                .map_err(|error| Error::Data(error.to_string()))?
                .dictionary;
            (self.translated(l, &union)?, self.translated(r, &union)?)
        } else {
            let (l, r) = (self.resolve_value(left)?, self.resolve_value(right)?);
            let scale = scale_of(left.ty).max(scale_of(right.ty));
            (rescale(l, left.ty, scale)?, rescale(r, right.ty, scale)?)
        };
        let never_null = matches!(op, CompareOp::Distinct | CompareOp::NotDistinct);
        let nullable = !never_null && (l.nullable || r.nullable);
        Ok(Value::bool(ValueKind::Compare { op, left: Box::new(l), right: Box::new(r) }, nullable))
    }

    fn case(&mut self, branches: &[(Expr, Expr)], otherwise: Option<&Expr>, ty: Type) -> Result<Value> {
        let mut resolved = Vec::with_capacity(branches.len());
        for (condition, value) in branches {
            resolved.push((self.resolve_value(condition)?, self.resolve_value(value)?));
        }
        let otherwise = otherwise.map(|value| self.resolve_value(value)).transpose()?;
        let values = || resolved.iter().map(|(_, value)| value).chain(otherwise.as_ref());
        let nullable = otherwise.is_none() || values().any(|value| value.nullable);
        let known: Vec<Bounds> = values().filter(|value| !is_null(value)).map(|value| value.bounds).collect();
        let bounds = known.iter().copied().reduce(Bounds::union).unwrap_or(Bounds::new(0, 0));
        let kind = ValueKind::Case { branches: resolved, otherwise: otherwise.map(Box::new) };
        Ok(Value::new(kind, repr_of(ty), nullable, bounds))
    }
}

fn is_null(value: &Value) -> bool {
    matches!(value.kind, ValueKind::Constant(Constant::Null))
}

pub(super) fn not(value: Value) -> Value {
    let nullable = value.nullable;
    Value::bool(ValueKind::Not(Box::new(value)), nullable)
}

fn or(left: Value, right: Value) -> Value {
    let nullable = left.nullable || right.nullable;
    Value::bool(ValueKind::Or(Box::new(left), Box::new(right)), nullable)
}

/// A NULL of a type.
fn null(ty: Type) -> Value {
    Value::new(ValueKind::Constant(Constant::Null), repr_of(ty), true, Bounds::new(0, 0))
}

fn evaluate_once(function: &HostFunction) -> Result<ScalarValue> {
    let schema = Arc::new(arrow::datatypes::Schema::empty());
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(1));
    let batch = RecordBatch::try_new_with_options(schema, vec![], &options)?;
    Ok(match function.expr.evaluate(&batch)? {
        ColumnarValue::Scalar(scalar) => scalar,
        ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0)?,
    })
}

/// A literal as a parameter, in the units of its type.
pub(super) fn constant(literal: &ScalarValue, ty: Type) -> Result<Value> {
    if literal.is_null() {
        return Ok(null(ty));
    }
    let kind = match literal_constant(literal) {
        Some(Constant::Int(value)) => return Ok(Value::constant(value)),
        Some(constant) => ValueKind::Constant(constant),
        None => return Err(Error::internal(format!("literal {literal} has no device form"))),
    };
    Ok(Value::new(kind, repr_of(ty), false, Bounds::new(0, 1)))
}

fn literal_constant(literal: &ScalarValue) -> Option<Constant> {
    use ScalarValue as S;
    Some(match literal {
        S::Boolean(Some(value)) => Constant::Bool(*value),
        S::Int8(Some(value)) => Constant::Int(i128::from(*value)),
        S::Int16(Some(value)) => Constant::Int(i128::from(*value)),
        S::Int32(Some(value)) | S::Date32(Some(value)) => Constant::Int(i128::from(*value)),
        S::Int64(Some(value))
        | S::TimestampSecond(Some(value), _)
        | S::TimestampMillisecond(Some(value), _)
        | S::TimestampMicrosecond(Some(value), _)
        | S::TimestampNanosecond(Some(value), _) => Constant::Int(i128::from(*value)),
        S::UInt8(Some(value)) => Constant::Int(i128::from(*value)),
        S::UInt16(Some(value)) => Constant::Int(i128::from(*value)),
        S::UInt32(Some(value)) => Constant::Int(i128::from(*value)),
        S::UInt64(Some(value)) => Constant::Int(i128::from(*value)),
        S::Decimal128(Some(value), _, _) => Constant::Int(*value),
        S::Float32(Some(value)) => Constant::F32(*value),
        S::Float64(Some(value)) => Constant::F64(*value),
        _ => return None,
    })
}

fn scale_of(ty: Type) -> i8 {
    match ty {
        Type::Decimal { scale, .. } => scale,
        _ => 0,
    }
}

fn power_of_ten(exponent: i8) -> Result<i128> {
    u32::try_from(exponent)
        .ok()
        .and_then(|exponent| 10_i128.checked_pow(exponent))
        .ok_or_else(|| Error::internal(format!("no power of ten {exponent} in 128 bits")))
}

/// Most constants of an IN list that are compared one after another; more are searched in a table.
const SET_MAX: usize = 16;

/// What the high half of a 128-bit value counts.
const HALF: i128 = 1 << 64;

/// Everything 128 bits can hold.
const ANY_INTEGER: Bounds = Bounds { min: i128::MIN, max: i128::MAX };

/// Limits to check, or `None` where the bounds stay inside them anyway; and the bounds that then hold.
fn limited(exact: Option<Bounds>, limits: Bounds) -> (Option<Bounds>, Bounds) {
    match exact {
        Some(exact) if limits.contains(exact) => (None, exact),
        Some(exact) => (Some(limits), Bounds::new(exact.min.max(limits.min), exact.max.min(limits.max))),
        None => (Some(limits), limits),
    }
}

/// An integer value at a higher scale. As on the host what is only an operand may have more than 38 digits.
fn rescale(value: Value, ty: Type, scale: i8) -> Result<Value> {
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
pub(super) fn arithmetic(
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

fn negate(value: Value, ty: Type) -> Result<Value> {
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
pub(super) fn narrow(value: Value, limits: Bounds, failure: Failure) -> Value {
    if limits.contains(value.bounds) || is_null(&value) {
        return value;
    }
    let bounds = Bounds::new(value.bounds.min.max(limits.min), value.bounds.max.min(limits.max));
    let nullable = value.nullable || failure == Failure::Null;
    Value::int(ValueKind::Narrow { input: Box::new(value), limits, failure }, nullable, bounds)
}

/// A cast between types that have a device form, as arrow does it.
pub(super) fn cast(value: Value, from: Type, to: Type, failure: Failure) -> Result<Value> {
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

fn scale_down(value: Value, power: i128, round: bool) -> Value {
    if power == 1 {
        return value;
    }
    let extra = i128::from(round);
    let bounds = Bounds::new(value.bounds.min / power - extra, value.bounds.max / power + extra);
    let nullable = value.nullable;
    Value::int(ValueKind::ScaleDown { input: Box::new(value), power, round }, nullable, bounds)
}

/// Arithmetic with a constant that belongs to the types, not to the query.
fn arithmetic_constant(op: ArithmeticOp, value: Value, constant: i128, ty: Type) -> Result<Value> {
    let mut right = Value::constant(constant);
    right.bounds = Bounds::new(constant, constant);
    let plain = Type::INT64;
    arithmetic(op, (value, plain), (right, plain), ty)
}

/// The two halves of a 128-bit value: `value = high * 2^64 + low` with `0 <= low < 2^64`.
pub(super) fn halves(value: &Value) -> (Value, Value) {
    let high = floor_divide(value.clone(), HALF);
    let nullable = value.nullable;
    let begin = ValueKind::ScaleUp { input: Box::new(high.clone()), power: HALF, limits: None };
    let begin = Value::int(begin, nullable, ANY_INTEGER);
    let (left, right) = (Box::new(value.clone()), Box::new(begin));
    let low = ValueKind::Arithmetic { op: ArithmeticOp::Subtract, left, right, limits: None };
    (high, Value::int(low, nullable, Bounds::new(0, HALF - 1)))
}

/// What sums of halves add up to; past 128 bits it is an overflow.
pub(super) fn joined_halves(high: Value, low: Value) -> Value {
    let nullable = high.nullable || low.nullable;
    let begin = ValueKind::ScaleUp { input: Box::new(high), power: HALF, limits: Some(ANY_INTEGER) };
    let (left, right) = (Box::new(Value::int(begin, nullable, ANY_INTEGER)), Box::new(low));
    let sum = ValueKind::Arithmetic { op: ArithmeticOp::Add, left, right, limits: Some(ANY_INTEGER) };
    Value::int(sum, nullable, ANY_INTEGER)
}

fn floor_divide(value: Value, divisor: i128) -> Value {
    let bounds = Bounds::new(value.bounds.min.div_euclid(divisor), value.bounds.max.div_euclid(divisor));
    let nullable = value.nullable;
    Value::int(ValueKind::FloorDivide { input: Box::new(value), divisor }, nullable, bounds)
}

fn per_day(unit: TimeUnit) -> i128 {
    86_400 * per_second(unit)
}

fn per_second(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

fn date_part(part: DatePart, value: Value, ty: Type) -> Value {
    let nullable = value.nullable;
    let time_of_day = match part {
        DatePart::Hour => Some((86_400, 3_600, 23)),
        DatePart::Minute => Some((3_600, 60, 59)),
        DatePart::Second => Some((60, 1, 59)),
        _ => None,
    };
    match (ty, time_of_day) {
        (Type::Timestamp { unit }, Some((whole, step, max))) => {
            let one = per_second(unit);
            // The remainder within the larger unit, counted in steps: floor(t / step) - floor(t / whole) * (whole / step).
            let steps = floor_divide(value.clone(), one * step);
            let wholes = floor_divide(value, one * whole);
            let ratio = whole / step;
            let product_bounds = wholes.bounds.times(Bounds::new(ratio, ratio)).unwrap_or(wholes.bounds);
            let product = Value::int(
                ValueKind::ScaleUp { input: Box::new(wholes), power: ratio, limits: None },
                nullable,
                product_bounds,
            );
            let kind = ValueKind::Arithmetic {
                op: ArithmeticOp::Subtract,
                left: Box::new(steps),
                right: Box::new(product),
                limits: None,
            };
            Value::int(kind, nullable, Bounds::new(0, max))
        }
        (Type::Timestamp { unit }, None) => {
            let days = Box::new(floor_divide(value, per_day(unit)));
            Value::int(ValueKind::DatePart { part, days }, nullable, part_bounds(part))
        }
        _ => Value::int(ValueKind::DatePart { part, days: Box::new(value) }, nullable, part_bounds(part)),
    }
}

fn part_bounds(part: DatePart) -> Bounds {
    match part {
        DatePart::Year => Bounds::new(-262_144, 262_143),
        DatePart::Quarter => Bounds::new(1, 4),
        DatePart::Month => Bounds::new(1, 12),
        DatePart::Day => Bounds::new(1, 31),
        DatePart::DayOfWeek => Bounds::new(0, 6),
        DatePart::DayOfYear => Bounds::new(1, 366),
        DatePart::Hour => Bounds::new(0, 23),
        DatePart::Minute | DatePart::Second => Bounds::new(0, 59),
    }
}

fn add_interval(value: Value, ty: Type, months: i32, days: i32, nanoseconds: i64) -> Result<Value> {
    match ty {
        Type::Timestamp { unit } => {
            let mut moved = value;
            if months != 0 {
                moved = add_timestamp_months(moved, unit, months)?;
            }
            let shift = i128::from(days) * per_day(unit) + i128::from(nanoseconds) / (1_000_000_000 / per_second(unit));
            if shift == 0 {
                Ok(moved)
            } else {
                arithmetic(ArithmeticOp::Add, (moved, Type::INT64), (Value::constant(shift), Type::INT64), ty)
            }
        }
        _ => {
            let mut moved = value;
            if months != 0 {
                moved = add_date_months(moved, months);
            }
            if days == 0 {
                Ok(moved)
            } else {
                arithmetic(
                    ArithmeticOp::Add,
                    (moved, Type::INT32),
                    (Value::constant(i128::from(days)), Type::INT32),
                    ty,
                )
            }
        }
    }
}

fn add_date_months(days: Value, months: i32) -> Value {
    let nullable = days.nullable;
    Value::int(ValueKind::AddMonths { days: Box::new(days), months }, nullable, Bounds::of_type(Type::Date))
}

fn add_timestamp_months(value: Value, unit: TimeUnit, months: i32) -> Result<Value> {
    let days = floor_divide(value.clone(), per_day(unit));
    let midnight = arithmetic_constant(ArithmeticOp::Multiply, days.clone(), per_day(unit), Type::INT64)?;
    let mut rest = arithmetic(ArithmeticOp::Subtract, (value, Type::INT64), (midnight, Type::INT64), Type::INT64)?;
    rest.bounds = Bounds::new(0, per_day(unit) - 1);
    let moved = arithmetic_constant(ArithmeticOp::Multiply, add_date_months(days, months), per_day(unit), Type::INT64)?;
    arithmetic(ArithmeticOp::Add, (moved, Type::INT64), (rest, Type::INT64), Type::INT64)
}
