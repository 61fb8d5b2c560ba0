//! Frames of windows: their units, and how far their edges are. Not here: which rows that is (`kernels/fixed/window`).

use arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::logical_expr::{WindowFrame, WindowFrameBound, WindowFrameUnits};
use datafusion::physical_expr::PhysicalSortExpr;
use datafusion::scalar::ScalarValue;

use super::{FAR, whole};
use crate::ir::{Frame, FrameEdge, FrameUnits};
use crate::planner::Reason;

const DAY_NS: i128 = 86_400_000_000_000;

/// The frame of a window in this order.
pub(super) fn translate(frame: &WindowFrame, order: &[PhysicalSortExpr], schema: &Schema) -> Result<Frame, Reason> {
    if is_nothing(frame) {
        return Err(Reason::new("a frame that begins behind the partition or ends before it runs on the host"));
    }
    let is_far = has_distance(&frame.start_bound) || has_distance(&frame.end_bound);
    let units = match frame.units {
        WindowFrameUnits::Rows => FrameUnits::Rows,
        WindowFrameUnits::Range if is_far => FrameUnits::Values,
        WindowFrameUnits::Groups if is_far => FrameUnits::Groups,
        WindowFrameUnits::Range | WindowFrameUnits::Groups => FrameUnits::Peers,
    };
    let key = if units == FrameUnits::Values { Some(key_type(order, schema)?) } else { None };
    let distance = |value: &ScalarValue| match &key {
        Some(key) => distance(value, key),
        None => rows_of(value),
    };
    let edge = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => Ok(FrameEdge::Offset(0)),
        bound if !has_distance(bound) => Ok(FrameEdge::Unbounded),
        WindowFrameBound::Preceding(value) => Ok(FrameEdge::Offset(-distance(value)?)),
        WindowFrameBound::Following(value) => Ok(FrameEdge::Offset(distance(value)?)),
    };
    Ok(Frame { units, start: edge(&frame.start_bound)?, end: edge(&frame.end_bound)? })
}

fn has_distance(bound: &WindowFrameBound) -> bool {
    match bound {
        WindowFrameBound::CurrentRow => false,
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => !value.is_null(),
    }
}

/// Whether a frame starts at UNBOUNDED FOLLOWING or ends at UNBOUNDED PRECEDING, which SQL forbids.
fn is_nothing(frame: &WindowFrame) -> bool {
    matches!(&frame.start_bound, WindowFrameBound::Following(rows) if rows.is_null())
        || matches!(&frame.end_bound, WindowFrameBound::Preceding(rows) if rows.is_null())
}

/// Rows, or groups of peers.
fn rows_of(rows: &ScalarValue) -> Result<i64, Reason> {
    let rows = whole(rows).filter(|rows| *rows >= 0);
    rows.map(|rows| rows.min(FAR)).ok_or_else(|| Reason::new("a frame's number of rows has to be a constant"))
}

/// The type of the one key that distances are of.
fn key_type(order: &[PhysicalSortExpr], schema: &Schema) -> Result<DataType, Reason> {
    let [key] = order else { return Err(Reason::new("a RANGE at a distance has one key of order")) };
    key.expr.data_type(schema).map_err(|error| Reason::at(key.expr.as_ref(), error))
}

/// How far an edge is, in units of the key's digits: days of dates, ticks of timestamps, the last digit of decimals.
fn distance(value: &ScalarValue, key: &DataType) -> Result<i64, Reason> {
    let units = match key {
        key if key.is_integer() => whole(value).map(i128::from),
        DataType::Decimal128(..) => match value.cast_to(key).ok() {
            Some(ScalarValue::Decimal128(Some(digits), ..)) => Some(digits),
            _ => None,
        },
        DataType::Date32 => nanoseconds(value).filter(|(_, ns)| ns % DAY_NS == 0).map(|(days, ns)| days + ns / DAY_NS),
        DataType::Timestamp(unit, zone) => nanoseconds(value)
            // What a day of a zone is, a clock has to say.
            .filter(|(days, _)| *days == 0 || zone.is_none())
            .map(|(days, ns)| days * DAY_NS + ns)
            .filter(|ns| ns % tick(*unit) == 0)
            .map(|ns| ns / tick(*unit)),
        _ => None,
    };
    let units = units.and_then(|units| i64::try_from(units).ok()).filter(|units| *units >= 0);
    units.ok_or_else(|| Reason::new(format!("a frame at a distance of {value} from {key} has no device form")))
}

/// An interval without months: its days, and what it has besides in nanoseconds.
fn nanoseconds(value: &ScalarValue) -> Option<(i128, i128)> {
    match value {
        ScalarValue::IntervalMonthDayNano(Some(interval)) if interval.months == 0 => {
            Some((i128::from(interval.days), i128::from(interval.nanoseconds)))
        }
        ScalarValue::IntervalDayTime(Some(interval)) => {
            Some((i128::from(interval.days), i128::from(interval.milliseconds) * 1_000_000))
        }
        _ => None,
    }
}

/// Nanoseconds of one.
fn tick(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}
