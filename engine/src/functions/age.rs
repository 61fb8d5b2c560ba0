//! `age(a, b)`: from `b` to `a` by the calendar, in whole months, then days, then the time of day, as PostgreSQL and DuckDB
//! count it. Not here: `age(a)`, which is `age(current_date, a)` (`dialect/functions/special`).

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

const MICROS_OF_DAY: i64 = 86_400_000_000;

pub(super) fn function() -> ScalarUDF {
    ScalarUDF::from(Age { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Age {
    signature: Signature,
}

impl ScalarUDFImpl for Age {
    fn name(&self) -> &str {
        "age"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Times of any unit, dates and strings. A time with a zone has no calendar but that of UTC here.
    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let is_time = |given: &DataType| match given {
            DataType::Timestamp(_, Some(zone)) => matches!(zone.as_ref(), "UTC" | "+00:00"),
            DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 | DataType::Null => true,
            other => other.is_string(),
        };
        match given {
            [to, from] if is_time(to) && is_time(from) => Ok(vec![DataType::Timestamp(TimeUnit::Microsecond, None); 2]),
            _ => plan_err!("age takes one or two times without a zone; cast(t AS TIMESTAMP) is one"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { args.number_rows };
        let (to, from) = (args.args[0].to_array(rows)?, args.args[1].to_array(rows)?);
        let (to, from) =
            (to.as_primitive::<TimestampMicrosecondType>(), from.as_primitive::<TimestampMicrosecondType>());
        let ages: IntervalMonthDayNanoArray = to.iter().zip(from).map(|(to, from)| Some(age(to?, from?))).collect();
        let ages: ArrayRef = Arc::new(ages);
        match is_scalar {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&ages, 0)?)),
            false => Ok(ColumnarValue::Array(ages)),
        }
    }
}

/// Microseconds since 1970 both.
fn age(to: i64, from: i64) -> IntervalMonthDayNano {
    let sign = if to < from { -1 } else { 1 };
    let (late, early) = (Moment::of(to.max(from)), Moment::of(to.min(from)));
    let mut micros = late.micros - early.micros;
    let mut days = late.day - early.day;
    let mut months = (late.year * 12 + late.month) - (early.year * 12 + early.month);
    if micros < 0 {
        (micros, days) = (micros + MICROS_OF_DAY, days - 1);
    }
    if days < 0 {
        // The days of the month that the earlier one is in.
        (days, months) = (days + days_of(early.year, early.month), months - 1);
    }
    IntervalMonthDayNano::new((sign * months) as i32, (sign * days) as i32, sign * micros * 1000)
}

struct Moment {
    year: i64,
    month: i64,
    day: i64,
    /// Since midnight.
    micros: i64,
}

impl Moment {
    fn of(micros: i64) -> Self {
        // Years from March on, so that a leap day is the last: 400 of them have 146,097 days.
        let days = micros.div_euclid(MICROS_OF_DAY) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
            micros: micros.rem_euclid(MICROS_OF_DAY),
        }
    }
}

fn days_of(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day since 1970 as microseconds.
    const fn day(day: i64) -> i64 {
        day * MICROS_OF_DAY
    }

    #[test]
    fn ages_are_those_of_postgresql_and_duckdb() {
        // 2023-03-01 is day 19417, 2024-01-30 day 19752, 2024-02-29 day 19782.
        let cases = [
            (day(19_782), day(19_417), (11, 28, 0)),
            (day(19_783), day(19_752), (1, 2, 0)),
            (day(19_752), day(19_783), (-1, -2, 0)),
            (day(19_783), day(19_782) + 1_000_000, (0, 0, 86_399_000_000_000)),
            (day(0), day(-1), (0, 1, 0)),
        ];
        for (to, from, (months, days, nanos)) in cases {
            assert_eq!(age(to, from), IntervalMonthDayNano::new(months, days, nanos), "{to} {from}");
        }
    }
}
