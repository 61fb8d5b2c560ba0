//! A time of one unit is compared with a constant of another without converting the column: the constant becomes one of the
//! column's unit, rounded so that the same rows pass.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, and, lit, or};
use datafusion::optimizer::AnalyzerRule;

use super::super::plans::{any_expression, input_schema, map_named};

/// The rule; it goes behind type coercion, which puts the casts that are taken off again.
#[derive(Debug)]
pub(super) struct ExactTimes;

impl AnalyzerRule for ExactTimes {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| {
            if !any_expression(&node, has_cast_of_time)? {
                return Ok(Transformed::no(node));
            }
            let schema = input_schema(&node)?;
            map_named(node, |expr| compare_exactly(expr, &schema))
        })
        .data()
    }

    fn name(&self) -> &str {
        "maar_exact_times"
    }
}

fn has_cast_of_time(expr: &Expr) -> bool {
    let to_time = |e: &Expr| matches!(e, Expr::Cast(cast) if matches!(cast.field.data_type(), DataType::Timestamp(..)));
    expr.exists(|e| Ok(to_time(e))).unwrap_or(true)
}

/// Every comparison in `expr` of a time with a constant, in the unit of the time.
pub(in super::super) fn compare_exactly(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    expr.transform_up(|e| {
        let exact = match &e {
            Expr::BinaryExpr(binary) => comparison(&binary.left, binary.op, &binary.right, schema),
            Expr::Between(between) if !between.expr.is_volatile() => {
                let (low_op, high_op) =
                    if between.negated { (Operator::Lt, Operator::Gt) } else { (Operator::GtEq, Operator::LtEq) };
                let low = comparison(&between.expr, low_op, &between.low, schema);
                let high = comparison(&between.expr, high_op, &between.high, schema);
                let plain = |op, bound: &Expr| binary(between.expr.as_ref().clone(), op, bound.clone());
                match (low, high) {
                    (None, None) => None,
                    (low, high) => {
                        let low = low.unwrap_or_else(|| plain(low_op, &between.low));
                        let high = high.unwrap_or_else(|| plain(high_op, &between.high));
                        Some(if between.negated { or(low, high) } else { and(low, high) })
                    }
                }
            }
            Expr::InList(list) => membership(list, schema),
            _ => None,
        };
        Ok(exact.map_or_else(|| Transformed::no(e), Transformed::yes))
    })
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

fn comparison(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Option<Expr> {
    if let (Some(left), Some(right)) = (Constant::of(left), Constant::of(right)) {
        return left.compared(op, &right);
    }
    if let (Some(time), Some(value)) = (Time::of(left, schema), Constant::of(right)) {
        return time.compared(op, &value).filter(|_| time.is_converted || value.is_converted);
    }
    let (value, time) = (Constant::of(left)?, Time::of(right, schema)?);
    time.compared(op.swap()?, &value).filter(|_| time.is_converted || value.is_converted)
}

/// `time IN (constants)`: those that no time of the unit equals are left out.
fn membership(list: &InList, schema: &DFSchema) -> Option<Expr> {
    if let Some(tested) = Constant::of(&list.expr) {
        let equal = list.list.iter().map(|item| tested.is(&Constant::of(item)?)).collect::<Option<Vec<bool>>>()?;
        return Some(lit(equal.contains(&true) != list.negated));
    }
    let time = Time::of(&list.expr, schema).filter(|time| time.is_converted)?;
    let mut kept = Vec::new();
    for item in &list.list {
        let value = Constant::of(item)?;
        match time.place(&value)? {
            Place::At(literal) => kept.push(literal),
            Place::Between(_) | Place::Below | Place::Above => {}
        }
    }
    Some(match (kept.is_empty(), list.negated) {
        (false, negated) => time.expr.in_list(kept, negated),
        (true, false) => time.never()?,
        (true, true) => time.always()?,
    })
}

/// A column, or an expression of columns, without the casts that keep it the same time.
struct Time {
    expr: Expr,
    data_type: DataType,
    is_converted: bool,
}

/// Where a constant lies among the times of a unit.
enum Place {
    At(Expr),
    /// Between this time and the next.
    Between(Expr),
    Below,
    Above,
}

impl Time {
    fn of(expr: &Expr, schema: &DFSchema) -> Option<Self> {
        if !expr.any_column_refs() {
            return None;
        }
        if let Expr::Cast(cast) = expr
            && let DataType::Timestamp(..) = cast.field.data_type()
            && let Some(inner) = Self::of(&cast.expr, schema)
            && is_same_time(&inner.data_type, cast.field.data_type())
        {
            return Some(Self { is_converted: true, ..inner });
        }
        let data_type = expr.get_type(schema).ok()?;
        units_per_day(&data_type)?;
        Some(Self { expr: expr.clone(), data_type, is_converted: false })
    }

    fn compared(&self, op: Operator, value: &Constant) -> Option<Expr> {
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

    fn place(&self, value: &Constant) -> Option<Place> {
        if zone_of(&self.data_type).is_some() != value.is_zoned {
            return None;
        }
        let units = i128::from(units_per_day(&self.data_type)?);
        let scaled = value.units.checked_mul(units)?;
        let (whole, rest) = (scaled.div_euclid(value.per_day), scaled.rem_euclid(value.per_day));
        let least = if self.data_type == DataType::Date32 { i128::from(i32::MIN) } else { i128::from(i64::MIN) };
        let place = if whole < least {
            Place::Below
        } else if whole > -(least + 1) {
            Place::Above
        } else if rest == 0 {
            Place::At(self.literal(whole)?)
        } else {
            Place::Between(self.literal(whole)?)
        };
        Some(place)
    }

    fn literal(&self, units: i128) -> Option<Expr> {
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

    fn last(&self) -> Option<Expr> {
        let last = if self.data_type == DataType::Date32 { i128::from(i32::MAX) } else { i128::from(i64::MAX) };
        self.literal(last)
    }

    /// False, or NULL where the time is.
    fn never(&self) -> Option<Expr> {
        Some(binary(self.expr.clone(), Operator::Gt, self.last()?))
    }

    /// True, or NULL where the time is.
    fn always(&self) -> Option<Expr> {
        Some(binary(self.expr.clone(), Operator::LtEq, self.last()?))
    }
}

/// A constant point in time.
struct Constant {
    units: i128,
    per_day: i128,
    is_zoned: bool,
    is_converted: bool,
}

impl Constant {
    fn of(expr: &Expr) -> Option<Self> {
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
        let is_converted = matches!(expr, Expr::Cast(_));
        Some(Self { units, per_day, is_zoned: zone_of(&data_type).is_some(), is_converted })
    }
}

impl Constant {
    /// Two constants, compared there and then: the cast of one to the unit of the other may overflow.
    fn compared(&self, op: Operator, other: &Self) -> Option<Expr> {
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

    fn is(&self, other: &Self) -> Option<bool> {
        let same_kind = self.is_zoned == other.is_zoned;
        same_kind.then_some(self.units.checked_mul(other.per_day)? == other.units.checked_mul(self.per_day)?)
    }
}

/// The value of casts of a literal, in a unit that holds it: a literal of nanoseconds may lie in the year 9999.
fn constant(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Cast(cast) => {
            let inner = constant(&cast.expr)?;
            let DataType::Timestamp(unit, zone) = cast.field.data_type() else {
                return inner.cast_to(cast.field.data_type()).ok();
            };
            let own = match inner.data_type() {
                DataType::Timestamp(own, _) => own.min(*unit),
                DataType::Date32 => TimeUnit::Second,
                _ => *unit,
            };
            let units = [own, TimeUnit::Microsecond, TimeUnit::Millisecond, TimeUnit::Second];
            let fitting = units.into_iter().filter(|other| *other <= own);
            fitting
                .map(|unit| inner.cast_to(&DataType::Timestamp(unit, zone.clone())))
                .find_map(std::result::Result::ok)
        }
        _ => None,
    }
}

/// Whether a cast to a timestamp changes the unit alone.
fn is_same_time(from: &DataType, to: &DataType) -> bool {
    let finer = units_per_day(from).zip(units_per_day(to)).is_some_and(|(from, to)| from <= to);
    finer && zone_of(from).is_some() == zone_of(to).is_some()
}

fn zone_of(data_type: &DataType) -> Option<&str> {
    match data_type {
        DataType::Timestamp(_, zone) => zone.as_deref(),
        _ => None,
    }
}

fn units_per_day(data_type: &DataType) -> Option<i64> {
    const SECONDS: i64 = 86_400;
    Some(match data_type {
        DataType::Date32 => 1,
        DataType::Timestamp(TimeUnit::Second, _) => SECONDS,
        DataType::Timestamp(TimeUnit::Millisecond, _) => SECONDS * 1_000,
        DataType::Timestamp(TimeUnit::Microsecond, _) => SECONDS * 1_000_000,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => SECONDS * 1_000_000_000,
        _ => return None,
    })
}
