//! Two times of rows of different units, compared without overflow: the coarser is converted where it fits the finer unit, and
//! where it does not, it lies before or behind every time of that unit.

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNode;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Operator, cast, lit, when};

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
    if !(left.is_converted || right.is_converted) || is_zoned(&left.data_type) != is_zoned(&right.data_type) {
        return None;
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
    if !(left.is_converted || right.is_converted) || is_zoned(&left.data_type) != is_zoned(&right.data_type) {
        return None;
    }
    if units_per_day(&left.data_type)? > units_per_day(&right.data_type)? {
        return keys(right, left).map(|(right, left)| (left, right));
    }
    let pair = Pair::of(left, right)?;
    Some((pair.key().ok()?, pair.finer))
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
        if !can_repeat(&coarser.expr) || !can_repeat(&finer.expr) {
            return None;
        }
        let (coarse, fine) = (units_per_day(&coarser.data_type)?, units_per_day(&finer.data_type)?);
        let ratio = i128::from(fine / coarse);
        let ((low, high), (own_low, own_high)) = (ends(&finer.data_type), ends(&coarser.data_type));
        // Division rounds towards 1970, and so to what fits.
        let (low, high) = (low / ratio, high / ratio);
        let fits = if low <= own_low && own_high <= high {
            None
        } else {
            Some(coarser.expr.clone().between(coarser.literal(low)?, coarser.literal(high)?))
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
