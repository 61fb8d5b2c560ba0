//! A value of a column, as PostgreSQL thinks of it: what is to be written, in whichever format. Not here: how (`text`, `binary`).

use arrow::array::{Array, AsArray};
use arrow::datatypes::*;

use super::calendar::DAY_MICROS;
use super::fault::Fault;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Bool(bool),
    Int(i64),
    Float4(f32),
    Float8(f64),
    /// Digits and how many of them are behind the point.
    Numeric(i128, i8),
    Wide(i256, i8),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Days from 1970-01-01.
    Date(i64),
    /// Microseconds from midnight.
    Time(i64),
    /// Microseconds from 1970-01-01, of no zone or of UTC.
    Timestamp(i64),
    Interval {
        months: i32,
        days: i32,
        micros: i64,
    },
}

/// The value at `row`, which is not NULL; `None` of types that are written as JSON.
///
/// # Errors
/// For a point in time that PostgreSQL has none for.
pub(super) fn value(array: &dyn Array, row: usize) -> Result<Option<Value<'_>>, Fault> {
    Ok(Some(match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => Value::Int(array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => Value::Int(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => Value::Int(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => Value::Int(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => Value::Int(array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => Value::Int(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => Value::Numeric(array.as_primitive::<UInt64Type>().value(row).into(), 0),
        DataType::Float16 => Value::Float4(array.as_primitive::<Float16Type>().value(row).to_f32()),
        DataType::Float32 => Value::Float4(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => Value::Float8(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal32(_, scale) => {
            Value::Numeric(array.as_primitive::<Decimal32Type>().value(row).into(), *scale)
        }
        DataType::Decimal64(_, scale) => {
            Value::Numeric(array.as_primitive::<Decimal64Type>().value(row).into(), *scale)
        }
        DataType::Decimal128(_, scale) => Value::Numeric(array.as_primitive::<Decimal128Type>().value(row), *scale),
        DataType::Decimal256(_, scale) => Value::Wide(array.as_primitive::<Decimal256Type>().value(row), *scale),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Value::Text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Value::Text(array.as_string_view().value(row)),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Value::Bytes(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => Value::Bytes(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => Value::Bytes(array.as_fixed_size_binary().value(row)),
        _ => return temporal(array, row),
    }))
}

fn temporal(array: &dyn Array, row: usize) -> Result<Option<Value<'_>>, Fault> {
    const DAY_MILLIS: i64 = DAY_MICROS / 1000;
    Ok(Some(match array.data_type() {
        DataType::Date32 => Value::Date(array.as_primitive::<Date32Type>().value(row).into()),
        DataType::Date64 => Value::Date(array.as_primitive::<Date64Type>().value(row).div_euclid(DAY_MILLIS)),
        DataType::Time32(TimeUnit::Second) => {
            Value::Time(micros(array.as_primitive::<Time32SecondType>().value(row).into(), TimeUnit::Second)?)
        }
        DataType::Time32(_) => {
            let millis = array.as_primitive::<Time32MillisecondType>().value(row);
            Value::Time(micros(millis.into(), TimeUnit::Millisecond)?)
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            Value::Time(array.as_primitive::<Time64MicrosecondType>().value(row))
        }
        DataType::Time64(_) => {
            Value::Time(micros(array.as_primitive::<Time64NanosecondType>().value(row), TimeUnit::Nanosecond)?)
        }
        DataType::Timestamp(unit, _) => {
            let raw = match unit {
                TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
                TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
                TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
                TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row),
            };
            Value::Timestamp(micros(raw, *unit)?)
        }
        DataType::Duration(unit) => {
            let raw = match unit {
                TimeUnit::Second => array.as_primitive::<DurationSecondType>().value(row),
                TimeUnit::Millisecond => array.as_primitive::<DurationMillisecondType>().value(row),
                TimeUnit::Microsecond => array.as_primitive::<DurationMicrosecondType>().value(row),
                TimeUnit::Nanosecond => array.as_primitive::<DurationNanosecondType>().value(row),
            };
            Value::Interval { months: 0, days: 0, micros: micros(raw, *unit)? }
        }
        DataType::Interval(unit) => interval(array, *unit, row),
        _ => return Ok(None),
    }))
}

fn interval(array: &dyn Array, unit: IntervalUnit, row: usize) -> Value<'_> {
    match unit {
        IntervalUnit::YearMonth => {
            let months = array.as_primitive::<IntervalYearMonthType>().value(row);
            Value::Interval { months, days: 0, micros: 0 }
        }
        IntervalUnit::DayTime => {
            let value = array.as_primitive::<IntervalDayTimeType>().value(row);
            Value::Interval { months: 0, days: value.days, micros: i64::from(value.milliseconds) * 1000 }
        }
        IntervalUnit::MonthDayNano => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            Value::Interval { months: value.months, days: value.days, micros: value.nanoseconds.div_euclid(1000) }
        }
    }
}

/// PostgreSQL has no nanoseconds: they are cut off, downwards.
fn micros(value: i64, unit: TimeUnit) -> Result<i64, Fault> {
    let micros = match unit {
        TimeUnit::Second => value.checked_mul(1_000_000),
        TimeUnit::Millisecond => value.checked_mul(1000),
        TimeUnit::Microsecond => Some(value),
        TimeUnit::Nanosecond => Some(value.div_euclid(1000)),
    };
    micros.ok_or_else(out_of_range)
}

pub(super) fn out_of_range() -> Fault {
    Fault::error("22008", "a date or time of the result is beyond what PostgreSQL's types reach")
}
