//! A time that hangs on rows, without the casts that keep it the same time, and where constants lie among those of its unit.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, cast as cast_to, lit};

use super::constants::Constant;
use super::units::{ends, in_own_unit, is_same_time, is_zoned, units_per_day};

/// A column, an expression of columns, or one whose value is known only later.
pub(super) struct Time {
    pub(super) expr: Expr,
    pub(super) data_type: DataType,
    pub(super) is_converted: bool,
}

/// Where a constant lies among the times of a unit.
pub(super) enum Place {
    At(Expr),
    /// Between this time and the next.
    Between(Expr),
    Below,
    Above,
}

pub(super) fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

impl Time {
    pub(super) fn of(expr: &Expr, schema: &DFSchema) -> Option<Self> {
        if Constant::of(expr).is_some() {
            return None;
        }
        if let Expr::Cast(cast) = expr
            && let DataType::Timestamp(..) = cast.field.data_type()
            && let Some(inner) = Self::of(&cast.expr, schema)
        {
            if is_same_time(&inner.data_type, cast.field.data_type()) {
                return Some(Self { is_converted: true, ..inner });
            }
            if let Some(data_type) = in_own_unit(&inner.data_type, cast.field.data_type()) {
                return Some(Self { expr: cast_to(inner.expr, data_type.clone()), data_type, is_converted: true });
            }
        }
        let data_type = expr.get_type(schema).ok()?;
        units_per_day(&data_type)?;
        Some(Self { expr: expr.clone(), data_type, is_converted: false })
    }

    pub(super) fn compared(&self, op: Operator, value: &Constant) -> Option<Expr> {
        use Operator as O;
        let with = |op, literal| binary(self.expr.clone(), op, literal);
        let place = self.place(value)?;
        match (op, place) {
            (
                O::Eq | O::NotEq | O::Lt | O::LtEq | O::Gt | O::GtEq | O::IsDistinctFrom | O::IsNotDistinctFrom,
                Place::At(t),
            ) => Some(with(op, t)),
            (O::Lt | O::LtEq, Place::Between(t)) => Some(with(O::LtEq, t)),
            (O::Gt | O::GtEq, Place::Between(t)) => Some(with(O::Gt, t)),
            (O::Eq, _) | (O::Lt | O::LtEq, Place::Below) | (O::Gt | O::GtEq, Place::Above) => self.never(),
            (O::NotEq, _) | (O::Lt | O::LtEq, Place::Above) | (O::Gt | O::GtEq, Place::Below) => self.always(),
            (O::IsDistinctFrom, _) => Some(lit(true)),
            (O::IsNotDistinctFrom, _) => Some(lit(false)),
            _ => None,
        }
    }

    pub(super) fn place(&self, value: &Constant) -> Option<Place> {
        if is_zoned(&self.data_type) != value.is_zoned {
            return None;
        }
        let units = i128::from(units_per_day(&self.data_type)?);
        let scaled = value.units.checked_mul(units)?;
        let (whole, rest) = (scaled.div_euclid(value.per_day), scaled.rem_euclid(value.per_day));
        let (least, greatest) = ends(&self.data_type);
        let place = if whole < least {
            Place::Below
        } else if whole > greatest {
            Place::Above
        } else if rest == 0 {
            Place::At(self.literal(whole)?)
        } else {
            Place::Between(self.literal(whole)?)
        };
        Some(place)
    }

    pub(super) fn literal(&self, units: i128) -> Option<Expr> {
        let value = match &self.data_type {
            DataType::Date32 => ScalarValue::Date32(Some(i32::try_from(units).ok()?)),
            DataType::Timestamp(unit, zone) => {
                let (units, zone) = (Some(i64::try_from(units).ok()?), zone.clone());
                match unit {
                    TimeUnit::Second => ScalarValue::TimestampSecond(units, zone),
                    TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(units, zone),
                    TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(units, zone),
                    TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(units, zone),
                }
            }
            _ => return None,
        };
        Some(Expr::Literal(value, None))
    }

    /// NULL of its type.
    pub(super) fn null(&self) -> Option<Expr> {
        Some(Expr::Literal(ScalarValue::try_from(&self.data_type).ok()?, None))
    }

    fn last(&self) -> Option<Expr> {
        self.literal(ends(&self.data_type).1)
    }

    /// False, or NULL where the time is.
    pub(super) fn never(&self) -> Option<Expr> {
        Some(binary(self.expr.clone(), Operator::Gt, self.last()?))
    }

    /// True, or NULL where the time is.
    pub(super) fn always(&self) -> Option<Expr> {
        Some(binary(self.expr.clone(), Operator::LtEq, self.last()?))
    }
}
