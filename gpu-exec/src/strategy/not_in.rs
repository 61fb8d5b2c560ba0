//! NOT IN as the standard has it: a row is kept where its key certainly is none of those on the other side. One NULL there, and that is
//! certain of no row; a row whose own key is NULL is kept only where there is no row at all on the other side.
//!
//! It is an anti join on the key, behind two without keys, each of which asks one thing of the whole other side: whether it has a
//! NULL, and whether it has a row. What cannot be asked, because there are no NULLs, is not. Not here: joins (`join.rs`).

use super::branches::Branches;
use super::cut::PipelineBuilder;
use super::join::JoinParts;
use super::resolve::{not, or};
use crate::error::{Error, Result};
use crate::ir::{Expr, JoinColumn, JoinKind, JoinSide, Value, ValueKind};

impl PipelineBuilder<'_> {
    /// `parts` is on one key.
    pub(super) fn not_in(&mut self, left: Branches, right: Branches, parts: &JoinParts<'_>) -> Result<Branches> {
        let [(left_key, right_key)] = parts.on else {
            return Err(Error::internal("a NOT IN that is not on one key"));
        };
        let side = parts.kind.kept().unwrap_or(JoinSide::Left);
        let (mut kept, other, key, other_key) = match side {
            JoinSide::Left => (left, right, left_key, right_key),
            JoinSide::Right => (right, left, right_key, left_key),
        };
        let own: Vec<JoinColumn> =
            (0..kept.first().columns.len()).map(|index| JoinColumn::Of { side, index }).collect();
        let without_keys = |kind, output| JoinParts { kind, on: &[], nulls_equal: false, residual: None, output };

        let (mut nulls, mut any) = (other.clone(), false);
        nulls.each(|open| {
            let value = open.resolve_value(other_key)?;
            any |= value.nullable;
            open.filter(is_null(value));
            Ok(())
        })?;
        if any {
            let (left, right) = sides(side, kept, nulls);
            kept = self.join(left, right, &without_keys(JoinKind::Anti { kept: side }, &own))?;
        }
        if is_nullable(&mut kept, key)? {
            let marked = [own.as_slice(), &[JoinColumn::Mark]].concat();
            let (left, right) = sides(side, kept, other.clone());
            kept = self.join(left, right, &without_keys(JoinKind::Mark { kept: side }, &marked))?;
            kept.each(|open| {
                let mark = open.columns.pop().ok_or_else(|| Error::internal("a mark join without its mark"))?;
                let (value, mark) = (open.resolve_value(key)?, open.read(mark.register));
                // The key is not looked at where there is no row that it could be among.
                open.filter(or(not(mark), not(is_null(value))));
                Ok(())
            })?;
        }
        let (left, right) = sides(side, kept, other);
        self.join(left, right, parts)
    }
}

fn sides(kept_side: JoinSide, kept: Branches, other: Branches) -> (Branches, Branches) {
    if kept_side == JoinSide::Left { (kept, other) } else { (other, kept) }
}

fn is_null(value: Value) -> Value {
    Value::bool(ValueKind::IsNull(Box::new(value)), false)
}

fn is_nullable(of: &mut Branches, key: &Expr) -> Result<bool> {
    Ok(of.each(|open| Ok(open.resolve_value(key)?.nullable))?.into_iter().any(|nullable| nullable))
}
