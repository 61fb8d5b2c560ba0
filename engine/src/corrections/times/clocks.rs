//! The instants at which the clocks of a zone show local times. Not here: which casts ask for them (`local`).
//!
//! Offsets are whole seconds and are looked up at whole seconds, so that times at the ends of nanoseconds have one as well.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::kernels::zip::zip;
use datafusion::arrow::compute::{CastOptions, and, cast, cast_with_options, filter, is_not_null, is_null};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::functions::datetime::to_local_time;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::units::per_second;

/// What becomes of a value that has no instant of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum OnFailure {
    Error,
    Null,
}

/// No zone is further than a day from UTC, or changes its clocks twice in two days.
const DAY: i64 = 86_400;

/// Calendars end at about 262,000 years, some days behind this; no clocks change there.
const CALENDAR_END: i64 = 8_200_000_000_000;

/// `values`, dates, times without zone or texts, as times of the zone of `to`.
pub(super) fn in_zone(values: &ArrayRef, to: &DataType, on_failure: OnFailure) -> Result<ArrayRef> {
    let DataType::Timestamp(unit, Some(_)) = to else {
        return datafusion::common::internal_err!("{to} has no zone");
    };
    if values.data_type().is_string() {
        return texts_in_zone(values, to, on_failure);
    }
    let options = CastOptions { safe: on_failure == OnFailure::Null, ..CastOptions::default() };
    instants(&cast_with_options(values, &DataType::Timestamp(*unit, None), &options)?, *unit, to, on_failure)
}

/// Texts name a zone of their own now and then, which the host reads; those that it cannot read may be local times that a
/// change of clocks skips or repeats.
fn texts_in_zone(texts: &ArrayRef, to: &DataType, on_failure: OnFailure) -> Result<ArrayRef> {
    let lenient = CastOptions { safe: true, ..CastOptions::default() };
    let read = cast_with_options(texts, to, &lenient)?;
    if read.null_count() == texts.logical_null_count() {
        return Ok(read);
    }
    let DataType::Timestamp(unit, _) = to else { return Ok(read) };
    let local = cast_with_options(texts, &DataType::Timestamp(*unit, None), &lenient)?;
    let unread = is_null(&read)?;
    let found = zip(&unread, &instants(&local, *unit, to, on_failure)?, &read)?;
    if on_failure == OnFailure::Error && found.null_count() > texts.logical_null_count() {
        // The host says what is wrong with the first of them.
        let wrong = and(&is_null(&found)?, &is_not_null(texts)?)?;
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(&filter(texts, &wrong)?, to, &strict)?;
    }
    Ok(found)
}

fn instants(local: &ArrayRef, unit: TimeUnit, to: &DataType, on_failure: OnFailure) -> Result<ArrayRef> {
    let local = cast(local, &DataType::Int64)?;
    let local = local.as_primitive::<Int64Type>();
    let second = per_second(unit);
    let seconds: Int64Array = local.unary(|time| time.div_euclid(second));
    let before = offsets(&seconds.unary(|time| time.saturating_sub(DAY)), to)?;
    let after = offsets(&seconds.unary(|time| time.saturating_add(DAY)), to)?;
    let with_after: Int64Array = both(&seconds, &after, i64::saturating_sub);
    let at_that = offsets(&with_after, to)?;
    // With the offset from after the change the instant is the later one of a repeated time; a skipped time has none.
    let rows = local.iter().zip(&before).zip(after.iter().zip(&at_that));
    let found = rows.map(|((time, before), (after, at_that))| {
        let Some(time) = time else { return Ok(None) };
        let offset = if at_that == after { after } else { before };
        match (offset.and_then(|offset| time.checked_sub(offset.checked_mul(second)?)), on_failure) {
            (None, OnFailure::Error) => Err(beyond(time, to)),
            (found, _) => Ok(found),
        }
    });
    Ok(cast(&found.collect::<std::result::Result<Int64Array, ArrowError>>()?, to)?)
}

fn both(left: &Int64Array, right: &Int64Array, with: fn(i64, i64) -> i64) -> Int64Array {
    left.iter().zip(right).map(|(left, right)| Some(with(left?, right?))).collect()
}

/// By how many seconds the clocks of the zone of `to` are before those of UTC, at these seconds.
fn offsets(instants: &Int64Array, to: &DataType) -> Result<Int64Array> {
    let DataType::Timestamp(_, zone) = to else { return Ok(instants.clone()) };
    let zoned = DataType::Timestamp(TimeUnit::Second, zone.clone());
    let instants: Int64Array = instants.unary(|time| time.clamp(-CALENDAR_END, CALENDAR_END));
    let number_rows = instants.len();
    let clocks = ScalarFunctionArgs {
        arg_fields: vec![Arc::new(Field::new("time", zoned.clone(), true))],
        args: vec![ColumnarValue::Array(cast(&instants, &zoned)?)],
        number_rows,
        return_field: Arc::new(Field::new("time", DataType::Timestamp(TimeUnit::Second, None), true)),
        config_options: Arc::new(ConfigOptions::default()),
    };
    let shown = cast(&to_local_time().invoke_with_args(clocks)?.into_array(number_rows)?, &DataType::Int64)?;
    Ok(both(shown.as_primitive::<Int64Type>(), &instants, i64::saturating_sub))
}

fn beyond(time: i64, to: &DataType) -> ArrowError {
    let DataType::Timestamp(unit, _) = to else { return ArrowError::CastError(format!("{time} is no time of {to}")) };
    let shown = cast(&Int64Array::from(vec![time]), &DataType::Timestamp(*unit, None));
    let shown = shown.and_then(|time| array_value_to_string(&time, 0)).unwrap_or_else(|_| time.to_string());
    ArrowError::CastError(format!("Overflow converting the local time {shown} to {to}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn zoned(unit: TimeUnit, zone: &str) -> DataType {
        DataType::Timestamp(unit, Some(zone.into()))
    }

    fn found(times: Vec<i64>, to: &DataType, on_failure: OnFailure) -> Result<Vec<Option<i64>>> {
        let DataType::Timestamp(unit, _) = to else { return Ok(Vec::new()) };
        let local: ArrayRef = cast(&Int64Array::from(times), &DataType::Timestamp(*unit, None))?;
        let instants = cast(&in_zone(&local, to, on_failure)?, &DataType::Int64)?;
        Ok(instants.as_primitive::<Int64Type>().iter().collect())
    }

    #[test]
    fn the_ends_of_nanoseconds_have_instants_or_are_errors() {
        let (east, west) =
            (zoned(TimeUnit::Nanosecond, "Asia/Kolkata"), zoned(TimeUnit::Nanosecond, "America/New_York"));
        let eastern = found(vec![i64::MAX], &east, OnFailure::Error).unwrap();
        assert_eq!(eastern, [Some(i64::MAX - 19_800 * 1_000_000_000)]);
        assert!(found(vec![i64::MAX], &west, OnFailure::Error).is_err());
        assert_eq!(found(vec![i64::MAX, i64::MIN], &west, OnFailure::Null).unwrap()[0], None);
        assert!(found(vec![i64::MIN], &east, OnFailure::Error).is_err());
    }

    #[test]
    fn no_time_is_too_far_for_the_calendar() {
        for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond] {
            let to = zoned(unit, "Europe/Berlin");
            assert!(found(vec![i64::MAX - 100_000_000_000, i64::MIN / 2, 0], &to, OnFailure::Error).is_ok());
        }
    }
}
