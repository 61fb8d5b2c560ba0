//! Units and zones of times: what every rule about times asks of a type.

use datafusion::arrow::datatypes::{DataType, TimeUnit};

const SECONDS_PER_DAY: i64 = 86_400;

/// Units in a day; `None` where the type is no point in time.
pub(super) fn units_per_day(data_type: &DataType) -> Option<i64> {
    match data_type {
        DataType::Date32 => Some(1),
        DataType::Timestamp(unit, _) => Some(SECONDS_PER_DAY * per_second(*unit)),
        _ => None,
    }
}

pub(super) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// The least and the greatest integer that a time is stored as.
pub(super) fn ends(data_type: &DataType) -> (i128, i128) {
    match data_type {
        DataType::Date32 => (i128::from(i32::MIN), i128::from(i32::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    }
}

/// Whether a cast to a timestamp changes the unit alone, to the same or a finer one.
pub(super) fn is_same_time(from: &DataType, to: &DataType) -> bool {
    let finer = units_per_day(from).zip(units_per_day(to)).is_some_and(|(from, to)| from <= to);
    finer && is_zoned(from) == is_zoned(to)
}

/// `to` in the unit of `from`, where a cast gives a zone, or takes it, and makes the unit finer.
pub(super) fn in_own_unit(from: &DataType, to: &DataType) -> Option<DataType> {
    let own = match from {
        DataType::Timestamp(own, _) => *own,
        DataType::Date32 => TimeUnit::Second,
        _ => return None,
    };
    match to {
        DataType::Timestamp(unit, zone) if own < *unit && is_zoned(from) != zone.is_some() => {
            Some(DataType::Timestamp(own, zone.clone()))
        }
        _ => None,
    }
}

pub(super) fn zone_of(data_type: &DataType) -> Option<&str> {
    match data_type {
        DataType::Timestamp(_, zone) => zone.as_deref(),
        _ => None,
    }
}

pub(super) fn is_zoned(data_type: &DataType) -> bool {
    zone_of(data_type).is_some()
}

pub(super) fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "utc" | "Z" | "Etc/UTC" | "+00:00" | "+00" | "+0000")
}
