//! `date_trunc`: a timestamp cut off to a unit, towards the past. Units of a fixed length are a division; months, quarters and
//! years are counted back from the day by its place in them. Not here: parts, intervals (`calendar.rs`).

use super::calendar::{add_date_months, calendar_of, part_bounds, per_day, per_second};
use super::number::{arithmetic, arithmetic_constant, floor_divide, narrow};
use crate::error::{Error, Result};
use crate::ir::{ArithmeticOp, Constant, DatePart, DateUnit, Failure, Type, Value, ValueKind};

/// Monday: the first of January 1970 was a Thursday.
const DAYS_SINCE_MONDAY: i128 = 3;

/// Neither the timestamp nor what it is cut off to may leave the host's calendar.
pub(super) fn date_trunc(unit: DateUnit, value: Value, ty: Type) -> Result<Value> {
    let Type::Timestamp { unit: ticks } = ty else {
        return Err(Error::internal("date_trunc of what is no timestamp reached the device"));
    };
    let value = narrow(value, calendar_of(ty), Failure::Overflow);
    let second = per_second(ticks);
    let length = match unit {
        DateUnit::Microsecond => (second / 1_000_000).max(1),
        DateUnit::Millisecond => (second / 1_000).max(1),
        DateUnit::Second => second,
        DateUnit::Minute => 60 * second,
        DateUnit::Hour => 3_600 * second,
        DateUnit::Day => per_day(ticks),
        DateUnit::Week | DateUnit::Month | DateUnit::Quarter | DateUnit::Year => {
            let first = first_day(unit, floor_divide(value, per_day(ticks)))?;
            let midnight = arithmetic_constant(ArithmeticOp::Multiply, first, per_day(ticks), Type::INT64)?;
            return Ok(narrow(midnight, calendar_of(ty), Failure::Overflow));
        }
    };
    match length {
        1 => Ok(value),
        length => arithmetic_constant(ArithmeticOp::Multiply, floor_divide(value, length), length, Type::INT64),
    }
}

/// The first day of the week, month, quarter or year that a day is in.
fn first_day(unit: DateUnit, days: Value) -> Result<Value> {
    let plus = |value, constant| arithmetic_constant(ArithmeticOp::Add, value, constant, Type::INT64);
    match unit {
        DateUnit::Week => {
            let weeks = floor_divide(plus(days, DAYS_SINCE_MONDAY)?, 7);
            plus(arithmetic_constant(ArithmeticOp::Multiply, weeks, 7, Type::INT64)?, -DAYS_SINCE_MONDAY)
        }
        DateUnit::Year => plus(minus_part(days, DatePart::DayOfYear)?, 1),
        DateUnit::Quarter => {
            let month = part(&days, DatePart::Month);
            let first = plus(minus_part(days, DatePart::Day)?, 1)?;
            let (one, two) = (add_date_months(first.clone(), -1), add_date_months(first.clone(), -2));
            let bounds = first.bounds.union(one.bounds).union(two.bounds);
            let nullable = first.nullable;
            let branches = vec![(is_one_of(&month, [2, 5, 8, 11]), one), (is_one_of(&month, [3, 6, 9, 12]), two)];
            Ok(Value::int(ValueKind::Case { branches, otherwise: Some(Box::new(first)) }, nullable, bounds))
        }
        _ => plus(minus_part(days, DatePart::Day)?, 1),
    }
}

fn part(days: &Value, part: DatePart) -> Value {
    let nullable = days.nullable;
    Value::int(ValueKind::DatePart { part, days: Box::new(days.clone()) }, nullable, part_bounds(part))
}

fn minus_part(days: Value, which: DatePart) -> Result<Value> {
    let place = part(&days, which);
    arithmetic(ArithmeticOp::Subtract, (days, Type::INT64), (place, Type::INT64), Type::INT64)
}

fn is_one_of(month: &Value, months: [i128; 4]) -> Value {
    let constants = months.map(Constant::Int).to_vec();
    Value::bool(ValueKind::InSet { input: Box::new(month.clone()), constants }, month.nullable)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;
    use crate::ir::Bounds;

    #[test]
    fn what_is_no_coarser_than_the_ticks_changes_nothing() {
        let ty = Type::Timestamp { unit: TimeUnit::Second };
        let time = Value::int(ValueKind::Register(0), true, Bounds::new(0, 1 << 40));
        for unit in [DateUnit::Microsecond, DateUnit::Millisecond, DateUnit::Second] {
            assert_eq!(date_trunc(unit, time.clone(), ty).unwrap(), time);
        }
        let month = date_trunc(DateUnit::Month, time, ty).unwrap();
        assert!(month.nullable && month.bounds.min < 0 && month.bounds.fits_signed(64));
    }
}
