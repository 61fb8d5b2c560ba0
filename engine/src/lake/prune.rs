//! Files that a filter rules out by what the metadata says of their values, before any is opened.
//!
//! Only comparisons of a column as it is with a literal are looked at, and what AND and OR make of them: of all else nothing is said. A
//! file that is left has its rows filtered as any other.

use std::cmp::Ordering;
use std::collections::HashMap;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};

use super::bounds::Bounds;
use super::snapshot::{DataFile, Snapshot};

/// A file and its table.
struct Subject<'a> {
    snapshot: &'a Snapshot,
    file: &'a DataFile,
    known: HashMap<&'a str, Bounds>,
}

/// Whether all of `filters` may hold for some row of the file.
pub(super) fn may_hold(snapshot: &Snapshot, file: &DataFile, filters: &[Expr]) -> bool {
    let mut subject = Subject { snapshot, file, known: HashMap::new() };
    filters.iter().all(|filter| subject.may_hold(filter))
}

impl<'a> Subject<'a> {
    fn may_hold(&mut self, filter: &Expr) -> bool {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                self.may_hold(left) && self.may_hold(right)
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                self.may_hold(left) || self.may_hold(right)
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (left.as_ref(), right.as_ref()) {
                (Expr::Column(column), Expr::Literal(value, _)) => {
                    self.bounds(column.name()).is_none_or(|bounds| may_compare(bounds, *op, value))
                }
                (Expr::Literal(value, _), Expr::Column(column)) => {
                    let Some(op) = op.swap() else { return true };
                    self.bounds(column.name()).is_none_or(|bounds| may_compare(bounds, op, value))
                }
                _ => true,
            },
            Expr::Between(Between { expr, negated: false, low, high }) => {
                let (Expr::Column(column), Expr::Literal(low, _), Expr::Literal(high, _)) =
                    (expr.as_ref(), low.as_ref(), high.as_ref())
                else {
                    return true;
                };
                self.bounds(column.name()).is_none_or(|bounds| {
                    may_compare(bounds, Operator::GtEq, low) && may_compare(bounds, Operator::LtEq, high)
                })
            }
            Expr::InList(list) if !list.negated => {
                let Expr::Column(column) = list.expr.as_ref() else { return true };
                let Some(bounds) = self.bounds(column.name()) else { return true };
                list.list.iter().any(|value| match value {
                    Expr::Literal(value, _) => may_compare(bounds, Operator::Eq, value),
                    _ => true,
                })
            }
            Expr::IsNull(inner) => match inner.as_ref() {
                Expr::Column(column) => self.bounds(column.name()).is_none_or(|bounds| bounds.has_null != Some(false)),
                _ => true,
            },
            Expr::IsNotNull(inner) => match inner.as_ref() {
                Expr::Column(column) => self.bounds(column.name()).is_none_or(|bounds| !bounds.is_all_null),
                _ => true,
            },
            _ => true,
        }
    }

    fn bounds(&mut self, name: &str) -> Option<&Bounds> {
        let snapshot: &'a Snapshot = self.snapshot;
        let column = snapshot.column(name)?;
        let file = self.file;
        let found = self.known.entry(column.field.name().as_str()).or_insert_with(|| {
            let mut partition = snapshot.partition_columns().zip(&file.partition);
            match partition.find(|(known, _)| *known == column) {
                Some((_, value)) => Bounds::of_value(value),
                None => file.statistics.bounds(column),
            }
        });
        Some(found)
    }
}

fn may_compare(bounds: &Bounds, op: Operator, value: &ScalarValue) -> bool {
    // Whether a bound is known to stand so to the value; types that do not compare say nothing.
    let is = |bound: &Option<ScalarValue>, wanted: Ordering| {
        bound.as_ref().is_some_and(|bound| bound.partial_cmp(value) == Some(wanted))
    };
    let (least, greatest) = (&bounds.least, &bounds.greatest);
    let is_above = is(least, Ordering::Greater);
    let is_below = is(greatest, Ordering::Less);
    let is_never = match op {
        Operator::Eq => is_above || is_below,
        Operator::Lt => is_above || is(least, Ordering::Equal),
        Operator::LtEq => is_above,
        Operator::Gt => is_below || is(greatest, Ordering::Equal),
        Operator::GtEq => is_below,
        _ => return true,
    };
    !(is_never || bounds.is_all_null || value.is_null())
}
