//! The length of an interval or a duration, in nanoseconds: what every comparison, key and order of intervals goes by.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, TimeUnit,
};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::INTERVAL;

const NANOSECONDS_PER_DAY: i128 = 86_400_000_000_000;
const DAYS_PER_MONTH: i128 = 30;
/// Nanoseconds of any interval.
const LENGTH: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

pub(super) fn length(interval: Expr) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> =
        LazyLock::new(|| Arc::new(ScalarUDF::from(Length { signature: Signature::any(1, Volatility::Immutable) })));
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&FUNCTION), vec![interval]))
}

/// Nanoseconds of an interval or a duration.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Length {
    signature: Signature,
}

impl ScalarUDFImpl for Length {
    fn name(&self) -> &str {
        "maar_interval_length"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(LENGTH)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match &args.args[0] {
            ColumnarValue::Array(intervals) => Ok(ColumnarValue::Array(lengths(intervals)?)),
            ColumnarValue::Scalar(interval) => {
                let length = lengths(&interval.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&length, 0)?))
            }
        }
    }
}

fn lengths(intervals: &ArrayRef) -> Result<ArrayRef> {
    let lengths: Decimal128Array = match intervals.data_type() {
        DataType::Duration(unit) => {
            let factor = nanoseconds(*unit);
            let units = cast_array(intervals, &DataType::Int64)?;
            units.as_primitive::<Int64Type>().unary(|units| i128::from(units) * factor)
        }
        DataType::Null => return Ok(cast_array(intervals, &LENGTH)?),
        _ => cast_array(intervals, &INTERVAL)?.as_primitive::<IntervalMonthDayNanoType>().unary(length_of),
    };
    Ok(Arc::new(lengths.with_data_type(LENGTH)))
}

/// Nanoseconds of one interval.
pub(super) fn length_of(interval: IntervalMonthDayNano) -> i128 {
    let days = i128::from(interval.months) * DAYS_PER_MONTH + i128::from(interval.days);
    days * NANOSECONDS_PER_DAY + i128::from(interval.nanoseconds)
}

fn nanoseconds(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}
