//! `date_bin` of a time before 1677 or after 2262: the host goes through nanoseconds and gives NULL where they do not reach
//! (DataFusion 55.2). It is an error that says so. Test: `times/date_bin.slt`.

use datafusion::arrow::array::Array;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

use super::wrapped::{Wrapping, reaches_far};

pub(super) static DATE_BIN: Wrapping =
    Wrapping { function: "date_bin", rule: "maar_far_date_bin", applies: reaches_far, call: binned };

/// What the host gives, unless it lost a time.
fn binned(host: &ScalarUDF, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let rows = args.number_rows;
    let given = args.args.iter().map(|value| value.to_array(rows)).collect::<Result<Vec<_>>>()?;
    let binned = host.invoke_with_args(args)?;
    let bins = binned.to_array(rows)?;
    let is_lost = |row: usize| bins.is_null(row) && given.iter().all(|value| value.is_valid(row));
    match bins.null_count() > 0 && (0..rows).any(is_lost) {
        false => Ok(binned),
        true => exec_err!(
            "date_bin reaches from the year 1678 to 2261, and a time lies outside. date_trunc('day', ...) takes any year"
        ),
    }
}
