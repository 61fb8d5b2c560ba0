//! Constant points in time, as the value of casts of a literal: a literal that is to be one of nanoseconds may lie in the year
//! 9999, and is one of a coarser unit then.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr, Operator, lit};

use super::super::plans::as_cast;
use super::clocks::{OnFailure, in_zone};
use super::units::{is_utc, is_zoned, units_per_day, zone_of};

/// A constant point in time.
pub(super) struct Constant {
    pub(super) units: i128,
    pub(super) per_day: i128,
    pub(super) is_zoned: bool,
    pub(super) is_converted: bool,
}

impl Constant {
    pub(super) fn of(expr: &Expr) -> Option<Self> {
        let value = constant(expr)?;
        let data_type = value.data_type();
        let units = match &value {
            ScalarValue::Date32(Some(days)) => i128::from(*days),
            ScalarValue::TimestampSecond(Some(units), _)
            | ScalarValue::TimestampMillisecond(Some(units), _)
            | ScalarValue::TimestampMicrosecond(Some(units), _)
            | ScalarValue::TimestampNanosecond(Some(units), _) => i128::from(*units),
            _ => return None,
        };
        let per_day = i128::from(units_per_day(&data_type)?);
        let is_converted = !matches!(expr, Expr::Literal(..));
        Some(Self { units, per_day, is_zoned: is_zoned(&data_type), is_converted })
    }

    /// Two constants, compared there and then: the cast of one to the unit of the other may overflow.
    pub(super) fn compared(&self, op: Operator, other: &Self) -> Option<Expr> {
        if self.is_zoned != other.is_zoned || !(self.is_converted || other.is_converted) {
            return None;
        }
        let (left, right) = (self.units.checked_mul(other.per_day)?, other.units.checked_mul(self.per_day)?);
        Some(lit(match op {
            Operator::Eq | Operator::IsNotDistinctFrom => left == right,
            Operator::NotEq | Operator::IsDistinctFrom => left != right,
            Operator::Lt => left < right,
            Operator::LtEq => left <= right,
            Operator::Gt => left > right,
            Operator::GtEq => left >= right,
            _ => return None,
        }))
    }

    pub(super) fn is(&self, other: &Self) -> Option<bool> {
        let same_kind = self.is_zoned == other.is_zoned;
        same_kind.then_some(self.units.checked_mul(other.per_day)? == other.units.checked_mul(self.per_day)?)
    }
}

/// Whether the expression is NULL, whatever type it is cast to.
pub(super) fn is_null(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => value.is_null(),
        Expr::Cast(cast) => is_null(&cast.expr),
        Expr::TryCast(cast) => is_null(&cast.expr),
        _ => false,
    }
}

fn constant(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Cast(cast) => converted(&constant(&cast.expr)?, cast.field.data_type()),
        Expr::ScalarFunction(_) => match as_cast(expr.clone(), &DFSchema::empty()).ok()? {
            cast @ Expr::Cast(_) => constant(&cast),
            _ => None,
        },
        _ => None,
    }
}

fn converted(value: &ScalarValue, to: &DataType) -> Option<ScalarValue> {
    let DataType::Timestamp(unit, zone) = to else { return value.cast_to(to).ok() };
    let from = value.data_type();
    let own = match &from {
        DataType::Timestamp(own, _) => (*own).min(*unit),
        DataType::Date32 => TimeUnit::Second,
        text if text.is_string() => *unit,
        // A number counts units: in another one it is another time.
        _ => return value.cast_to(to).ok(),
    };
    let units = [own, TimeUnit::Microsecond, TimeUnit::Millisecond, TimeUnit::Second];
    units.into_iter().filter(|other| *other <= own).find_map(|unit| in_unit(value, unit, zone.as_ref()))
}

fn in_unit(value: &ScalarValue, unit: TimeUnit, zone: Option<&Arc<str>>) -> Option<ScalarValue> {
    let to = DataType::Timestamp(unit, zone.cloned());
    match (zone_of(&value.data_type()), zone) {
        // What the clocks of a zone show is computed elsewhere.
        (Some(own), None) if !is_utc(own) => None,
        (None, Some(zone)) if !is_utc(zone) => {
            let array = in_zone(&value.to_array().ok()?, &to, OnFailure::Error).ok()?;
            ScalarValue::try_from_array(&array, 0).ok()
        }
        _ => value.cast_to(&to).ok(),
    }
}
