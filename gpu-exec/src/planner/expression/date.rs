//! Dates and timestamps: a constant interval added, a part taken out.

use std::str::FromStr;
use std::sync::Arc;

use arrow::compute::kernels::cast_utils::IntervalUnit;
use arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::scalar::ScalarValue;

use super::cast::is_utc;
use super::{literal, translate_tree as translate_any, typed};
use crate::ir::{DatePart, DateUnit, Expr, ExprKind, Type};
use crate::planner::Reason;
use crate::planner::support::{self, Subject};

const NANOSECONDS_PER_MILLISECOND: i64 = 1_000_000;

/// A calendar interval, signs included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interval {
    months: i32,
    days: i32,
    nanoseconds: i64,
}

impl Interval {
    fn of(value: &ScalarValue) -> Option<Self> {
        Some(match literal::plain(value) {
            ScalarValue::IntervalYearMonth(Some(months)) => Self { months: *months, days: 0, nanoseconds: 0 },
            ScalarValue::IntervalDayTime(Some(v)) => Self {
                months: 0,
                days: v.days,
                nanoseconds: i64::from(v.milliseconds).checked_mul(NANOSECONDS_PER_MILLISECOND)?,
            },
            ScalarValue::IntervalMonthDayNano(Some(v)) => {
                Self { months: v.months, days: v.days, nanoseconds: v.nanoseconds }
            }
            _ => return None,
        })
    }

    fn negated(self) -> Option<Self> {
        Some(Self {
            months: self.months.checked_neg()?,
            days: self.days.checked_neg()?,
            nanoseconds: self.nanoseconds.checked_neg()?,
        })
    }
}

/// `date + interval`, `interval + date`, `date - interval`; `None` where no side is an interval.
pub(super) fn translate_shift(
    expr: &Arc<dyn PhysicalExpr>,
    binary: &BinaryExpr,
    schema: &Schema,
) -> Result<Option<Expr>, Reason> {
    let is_interval = |side: &Arc<dyn PhysicalExpr>| matches!(side.data_type(schema), Ok(DataType::Interval(_)));
    let (input, interval) = match (is_interval(binary.left()), is_interval(binary.right())) {
        (false, false) => return Ok(None),
        (false, true) => (binary.left(), binary.right()),
        (true, false) if *binary.op() == Operator::Plus => (binary.right(), binary.left()),
        _ => {
            return Err(Reason::at(expr.as_ref(), "arithmetic on intervals has no device form"));
        }
    };
    let at = |cause: &dyn std::fmt::Display| Reason::at(expr.as_ref(), cause);
    let found = interval.downcast_ref::<Literal>().and_then(|literal| Interval::of(literal.value()));
    let found = match (found, binary.op()) {
        (Some(interval), Operator::Plus) => Some(interval),
        (Some(interval), Operator::Minus) => interval.negated(),
        _ => None,
    };
    let interval = found.ok_or_else(|| at(&"only a constant interval can be added or subtracted on the device"))?;
    let (data_type, _) = typed(input, schema)?;
    let input = translate_any(input, schema)?;
    support::require(Subject::Expression, "date +/- interval", input.ty).map_err(|cause| at(&cause))?;
    check_granularity(&data_type, interval).map_err(|cause| at(&cause))?;
    let (ty, nullable) = (input.ty, input.nullable);
    let Interval { months, days, nanoseconds } = interval;
    Ok(Some(Expr::new(ExprKind::AddInterval { input: Box::new(input), months, days, nanoseconds }, ty, nullable)))
}

/// The device adds whole units of the type, in UTC.
fn check_granularity(data_type: &DataType, interval: Interval) -> Result<(), Reason> {
    let unit = match data_type {
        DataType::Timestamp(unit, zone) => {
            require_utc(zone.as_deref())?;
            nanoseconds_in(*unit)
        }
        // Of a time a date takes the whole days.
        _ => return Ok(()),
    };
    if interval.nanoseconds % unit != 0 {
        return Err(Reason::new("an interval finer than the timestamp's unit has no device form"));
    }
    Ok(())
}

fn require_utc(zone: Option<&str>) -> Result<(), Reason> {
    match zone {
        Some(zone) if !is_utc(zone) => {
            Err(Reason::new(format!("calendar arithmetic in time zone {zone} runs on the host")))
        }
        _ => Ok(()),
    }
}

fn nanoseconds_in(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => NANOSECONDS_PER_MILLISECOND,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

/// The part or unit that a function names first, and what it takes it of.
fn named_part(function: &ScalarFunctionExpr) -> Result<(&str, &Arc<dyn PhysicalExpr>), Reason> {
    let of = function.fun().name();
    let [name, input] = function.args() else { return Err(Reason::new(format!("{of} takes two arguments"))) };
    let name = name.downcast_ref::<Literal>().and_then(|literal| literal.value().try_as_str().flatten());
    Ok((name.ok_or_else(|| Reason::new(format!("the first argument of {of} must be a constant")))?, input))
}

/// `date_part('part', input)`, which is also what EXTRACT is.
pub(super) fn translate_part(
    expr: &Arc<dyn PhysicalExpr>,
    function: &ScalarFunctionExpr,
    schema: &Schema,
) -> Result<Expr, Reason> {
    let at = |cause: &dyn std::fmt::Display| Reason::at(expr.as_ref(), cause);
    let (name, input) = named_part(function).map_err(|cause| at(&cause))?;
    let part = part_named(name).ok_or_else(|| at(&format!("the date part {name} has no device form")))?;
    let (data_type, _) = typed(input, schema)?;
    let input = translate_any(input, schema)?;
    support::require(Subject::Function, "date_part", input.ty).map_err(|cause| at(&cause))?;
    if let DataType::Timestamp(_, zone) = &data_type {
        require_utc(zone.as_deref()).map_err(|cause| at(&cause))?;
    } else if matches!(part, DatePart::Hour | DatePart::Minute | DatePart::Second) {
        return Err(at(&"a time of day taken from a date has no device form"));
    }
    let nullable = input.nullable;
    Ok(Expr::new(ExprKind::DatePart { part, input: Box::new(input) }, Type::INT32, nullable))
}

/// `date_trunc('unit', input)`.
pub(super) fn translate_trunc(
    expr: &Arc<dyn PhysicalExpr>,
    function: &ScalarFunctionExpr,
    schema: &Schema,
) -> Result<Expr, Reason> {
    let at = |cause: &dyn std::fmt::Display| Reason::at(expr.as_ref(), cause);
    let (name, input) = named_part(function).map_err(|cause| at(&cause))?;
    let unit = DateUnit::named(&name.to_lowercase());
    let unit = unit.ok_or_else(|| at(&format!("date_trunc to {name} has no device form")))?;
    let (data_type, ty) = typed(input, schema)?;
    support::require(Subject::Function, "date_trunc", ty).map_err(|cause| at(&cause))?;
    if let DataType::Timestamp(_, zone) = &data_type {
        require_utc(zone.as_deref()).map_err(|cause| at(&cause))?;
    }
    if typed(expr, schema)?.1 != ty {
        return Err(at(&"date_trunc to another type has no device form"));
    }
    let input = translate_any(input, schema)?;
    let nullable = input.nullable;
    Ok(Expr::new(ExprKind::DateTrunc { unit, input: Box::new(input) }, ty, nullable))
}

fn part_named(name: &str) -> Option<DatePart> {
    let name = name.trim_matches(|c| c == '\'' || c == '"').to_lowercase();
    Some(match (IntervalUnit::from_str(&name), name.as_str()) {
        (Ok(IntervalUnit::Year), _) => DatePart::Year,
        (Ok(IntervalUnit::Month), _) => DatePart::Month,
        (Ok(IntervalUnit::Day), _) => DatePart::Day,
        (Ok(IntervalUnit::Hour), _) => DatePart::Hour,
        (Ok(IntervalUnit::Minute), _) => DatePart::Minute,
        (Ok(IntervalUnit::Second), _) => DatePart::Second,
        (Err(_), "quarter" | "qtr") => DatePart::Quarter,
        (Err(_), "dow") => DatePart::DayOfWeek,
        (Err(_), "doy") => DatePart::DayOfYear,
        _ => return None,
    })
}
