//! Dates and timestamps as days and ticks: their parts, and intervals added to them.

use arrow::datatypes::TimeUnit;

use super::number::{arithmetic, arithmetic_constant, floor_divide, narrow};
use crate::error::Result;
use crate::ir::{ArithmeticOp, Bounds, DatePart, Failure, Type, Value, ValueKind};

/// The days that the host has a calendar for: from the first of the year -262143 to the last of 262142.
const CALENDAR: Bounds = Bounds { min: -96_465_292, max: 95_026_236 };
const NANOSECONDS_PER_DAY: i64 = 86_400_000_000_000;
/// No month has more days.
const MONTH_DAYS_MAX: i128 = 31;

/// Ticks of a day.
pub(super) fn per_day(unit: TimeUnit) -> i128 {
    86_400 * per_second(unit)
}

pub(super) fn per_second(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// What the host has a calendar for, in units of a type.
pub(super) fn calendar_of(ty: Type) -> Bounds {
    match ty {
        Type::Timestamp { unit } => Bounds::new(CALENDAR.min * per_day(unit), (CALENDAR.max + 1) * per_day(unit) - 1),
        _ => CALENDAR,
    }
}

pub(super) fn date_part(part: DatePart, value: Value, ty: Type) -> Value {
    // Beyond its calendar the host knows no parts.
    let value = narrow(value, calendar_of(ty), Failure::Null);
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

pub(super) fn part_bounds(part: DatePart) -> Bounds {
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

/// A date or timestamp some months, days and nanoseconds later. Neither it nor the result may leave the host's calendar.
pub(super) fn add_interval(value: Value, ty: Type, months: i32, days: i32, nanoseconds: i64) -> Result<Value> {
    let value = narrow(value, calendar_of(ty), Failure::Overflow);
    let moved = move_by(value, ty, months, days, nanoseconds)?;
    Ok(narrow(moved, calendar_of(ty), Failure::Overflow))
}

fn move_by(value: Value, ty: Type, months: i32, days: i32, nanoseconds: i64) -> Result<Value> {
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
            for days in [i128::from(days), i128::from(nanoseconds / NANOSECONDS_PER_DAY)] {
                if days != 0 {
                    let days = (Value::constant(days), Type::INT32);
                    moved = arithmetic(ArithmeticOp::Add, (moved, Type::INT32), days, ty)?;
                    moved = narrow(moved, CALENDAR, Failure::Overflow);
                }
            }
            Ok(moved)
        }
    }
}

pub(super) fn add_date_months(days: Value, months: i32) -> Value {
    let nullable = days.nullable;
    // The text hangs on the width class of the months, not on their number.
    let most = Bounds::new(i128::from(months), i128::from(months)).round_to_width();
    let reach = Bounds::new(most.min * MONTH_DAYS_MAX, most.max * MONTH_DAYS_MAX);
    let bounds = days.bounds.plus(reach).unwrap_or(reach);
    let moved = Value::int(ValueKind::AddMonths { days: Box::new(days), months }, nullable, bounds);
    narrow(moved, CALENDAR, Failure::Overflow)
}

fn add_timestamp_months(value: Value, unit: TimeUnit, months: i32) -> Result<Value> {
    let days = floor_divide(value.clone(), per_day(unit));
    let midnight = arithmetic_constant(ArithmeticOp::Multiply, days.clone(), per_day(unit), Type::INT64)?;
    let mut rest = arithmetic(ArithmeticOp::Subtract, (value, Type::INT64), (midnight, Type::INT64), Type::INT64)?;
    rest.bounds = Bounds::new(0, per_day(unit) - 1);
    let moved = arithmetic_constant(ArithmeticOp::Multiply, add_date_months(days, months), per_day(unit), Type::INT64)?;
    arithmetic(ArithmeticOp::Add, (moved, Type::INT64), (rest, Type::INT64), Type::INT64)
}
