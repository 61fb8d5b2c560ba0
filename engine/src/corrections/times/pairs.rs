//! Two times of rows of different units, compared without overflow: the coarser is converted where it fits the finer unit, and
//! where it does not, it lies before or behind every time of that unit.

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNode;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Operator, cast, lit, when};

use super::numbers::numbers;
use super::times_of_rows::{Time, binary};
use super::units::{ends, is_zoned, units_per_day};

/// Where a comparison stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Where NULL and false are the same: keys of joins have to be found here.
    Condition,
    /// Anywhere.
    Value,
}

/// `left op right`, if one side was converted for it.
pub(super) fn compared(left: &Time, op: Operator, right: &Time, standing: Standing) -> Option<Expr> {
    if !are_converted(left, right) {
        return None;
    }
    if !can_repeat(&left.expr) || !can_repeat(&right.expr) {
        return numbers(left, right).map(|(left, right)| binary(left, op, right));
    }
    if units_per_day(&left.data_type)? > units_per_day(&right.data_type)? {
        return compared(right, op.swap()?, left, standing);
    }
    let pair = Pair::of(left, right)?;
    match (pair.fits.clone(), op, standing) {
        (None, op, _) => Some(binary(pair.converted, op, pair.finer)),
        (Some(_), Operator::Eq, Standing::Condition) => Some(binary(pair.key().ok()?, op, pair.finer)),
        (Some(fits), op, _) => pair.by_cases(fits, op).ok(),
    }
}

/// The two keys of a join that are to be equal, if one of them was converted.
pub(super) fn keys(left: &Time, right: &Time) -> Option<(Expr, Expr)> {
    if !are_converted(left, right) || !can_repeat(&left.expr) || !can_repeat(&right.expr) {
        return None;
    }
    if units_per_day(&left.data_type)? > units_per_day(&right.data_type)? {
        return keys(right, left).map(|(right, left)| (left, right));
    }
    let pair = Pair::of(left, right)?;
    Some((pair.key().ok()?, pair.finer))
}

/// Whether the two are times of one kind, and one was brought to the unit of the other.
fn are_converted(left: &Time, right: &Time) -> bool {
    (left.is_converted || right.is_converted) && is_zoned(&left.data_type) == is_zoned(&right.data_type)
}

/// Whether they are, and the finer unit cannot hold every time of the coarser.
pub(super) fn may_overflow(left: &Time, right: &Time) -> Option<bool> {
    let (left_units, right_units) = (units_per_day(&left.data_type)?, units_per_day(&right.data_type)?);
    let (coarser, finer) = if left_units <= right_units { (left, right) } else { (right, left) };
    Some(are_converted(left, right) && !is_held(coarser, finer, bounds(coarser, finer)?))
}

/// The least and the greatest time in the unit of `coarser` that the unit of `finer` holds. Division rounds towards 1970.
fn bounds(coarser: &Time, finer: &Time) -> Option<(i128, i128)> {
    let ratio = i128::from(units_per_day(&finer.data_type)? / units_per_day(&coarser.data_type)?);
    let (low, high) = ends(&finer.data_type);
    Some((low / ratio, high / ratio))
}

fn is_held(coarser: &Time, finer: &Time, (low, high): (i128, i128)) -> bool {
    let (own_low, own_high) = ends(&coarser.data_type);
    coarser.data_type == finer.data_type || (low <= own_low && own_high <= high)
}

/// Whether the expression may stand several times for one.
fn can_repeat(expr: &Expr) -> bool {
    let holds_query = |e: &Expr| {
        matches!(e, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_))
    };
    !expr.is_volatile() && !expr.exists(|e| Ok(holds_query(e))).unwrap_or(true)
}

struct Pair {
    coarser: Expr,
    finer: Expr,
    /// The coarser one in the unit of the finer.
    converted: Expr,
    /// Whether that can be done; `None` where it always can.
    fits: Option<Expr>,
    /// 1970 in the coarser unit: it fits every other.
    epoch: Expr,
}

impl Pair {
    fn of(coarser: &Time, finer: &Time) -> Option<Self> {
        let (low, high) = bounds(coarser, finer)?;
        let fits = match is_held(coarser, finer, (low, high)) {
            true => None,
            false => Some(coarser.expr.clone().between(coarser.literal(low)?, coarser.literal(high)?)),
        };
        let converted = match coarser.data_type == finer.data_type {
            true => coarser.expr.clone(),
            false => cast(coarser.expr.clone(), finer.data_type.clone()),
        };
        Some(Self {
            coarser: coarser.expr.clone(),
            finer: finer.expr.clone(),
            converted,
            fits,
            epoch: coarser.literal(0)?,
        })
    }

    /// The converted time, NULL where it does not fit: it equals no other then.
    fn key(&self) -> Result<Expr> {
        match &self.fits {
            None => Ok(self.converted.clone()),
            Some(fits) => when(fits.clone(), self.converted.clone()).end(),
        }
    }

    fn by_cases(self, fits: Expr, op: Operator) -> Result<Expr> {
        let compared = binary(self.converted, op, self.finer.clone());
        match op {
            Operator::IsDistinctFrom | Operator::IsNotDistinctFrom => {
                let comparable = fits.or(self.coarser.is_null());
                when(comparable, compared).otherwise(lit(op == Operator::IsDistinctFrom))
            }
            _ => {
                let beyond = binary(self.coarser, op, self.epoch);
                when(fits, compared).when(self.finer.is_not_null(), beyond).otherwise(lit(ScalarValue::Boolean(None)))
            }
        }
    }
}
