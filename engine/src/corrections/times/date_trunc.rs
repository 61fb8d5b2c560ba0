//! `date_trunc` of a time before 1677 or after 2262: the host goes through nanoseconds and says that it is out of range. The
//! calendar repeats itself every 400 years, weeks included, so that such a time is cut off 400 years, or some times that, nearer.
//!
//! Not here: zones that change their clocks, which do not repeat themselves.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::{cast, max, min};
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

use super::units::{per_second, zone_of};
use super::wrapped::{Wrapping, reaches_far};

const SECONDS_IN_400_YEARS: i128 = 146_097 * 86_400;
/// In 1779: nanoseconds reach far enough before and 400 years behind.
const FIRST_SECOND: i128 = -6_000_000_000;

pub(super) static DATE_TRUNC: Wrapping =
    Wrapping { function: "date_trunc", rule: "maar_far_date_trunc", applies: repeats, call: truncated };

/// Times that reach far, without clocks that change.
fn repeats(data_type: &DataType) -> bool {
    let changes_clocks = zone_of(data_type).is_some_and(|zone| zone.contains('/') && zone != "Etc/UTC");
    reaches_far(data_type) && !changes_clocks
}

/// The host's function over times that it can hold, moved back.
fn truncated(host: &ScalarUDF, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let data_type = args.args[1].data_type();
    let DataType::Timestamp(unit, _) = data_type else { return host.invoke_with_args(args) };
    let is_scalar = matches!(args.args[1], ColumnarValue::Scalar(_));
    let rows = if is_scalar { 1 } else { args.number_rows };
    let times = args.args[1].to_array(rows)?;
    let Some(shifts) = shifts(&times, unit)? else { return host.invoke_with_args(args) };
    args.args[1] = ColumnarValue::Array(moved(&times, &shifts, i128::checked_sub)?);
    let near = host.invoke_with_args(args)?.to_array(rows)?;
    let far = moved(&near, &shifts, i128::checked_add)?;
    Ok(match is_scalar {
        true => ColumnarValue::Scalar(ScalarValue::try_from_array(&far, 0)?),
        false => ColumnarValue::Array(far),
    })
}

/// By how much each time is moved; `None` where the host can hold all.
fn shifts(times: &ArrayRef, unit: TimeUnit) -> Result<Option<Vec<i128>>> {
    let times = cast(times, &DataType::Int64)?;
    let times = times.as_primitive::<Int64Type>();
    let ratio = per_second(TimeUnit::Nanosecond) / per_second(unit);
    // A year short of what nanoseconds hold: the first of a year may lie before them.
    let held = (i64::MIN / ratio + 366 * 86_400 * per_second(unit))..=(i64::MAX / ratio);
    if [min(times), max(times)].into_iter().flatten().all(|time| held.contains(&time)) {
        return Ok(None);
    }
    let second = i128::from(per_second(unit));
    let (first, period) = (FIRST_SECOND * second, SECONDS_IN_400_YEARS * second);
    let shift = |time: Option<i64>| (i128::from(time.unwrap_or(0)) - first).div_euclid(period) * period;
    Ok(Some(times.iter().map(shift).collect()))
}

fn moved(times: &ArrayRef, by: &[i128], with: fn(i128, i128) -> Option<i128>) -> Result<ArrayRef> {
    let units = cast(times, &DataType::Int64)?;
    let units = units.as_primitive::<Int64Type>().iter().zip(by);
    let units = units.map(|(time, by)| {
        let Some(time) = time else { return Ok(None) };
        let moved = with(i128::from(time), *by).and_then(|time| i64::try_from(time).ok());
        moved.map(Some).ok_or_else(|| DataFusionError::Execution("a time is out of range for date_trunc".to_string()))
    });
    Ok(cast(&units.collect::<Result<Int64Array>>()?, times.data_type())?)
}
