//! Full joins: an outer join that keeps the rows of one side, and behind it, as in a union, the rows of the other side that have no
//! match, with NULLs for the columns that they lack.
//!
//! Both sides are read twice, once to be built of and once to look for matches, and no state has to remember which rows were
//! met: it holds in waves, in parts and for rows that wait on the host as it is. Not here: joins (`join.rs`).

use super::branches::Branches;
use super::cut::PipelineBuilder;
use super::join::JoinParts;
use super::resolve::null;
use super::scope::{Column, OpenPipeline};
use crate::error::{Error, Result};
use crate::ir::{JoinColumn, JoinKind, JoinSide};

impl PipelineBuilder<'_> {
    pub(super) fn full_join(&mut self, left: Branches, right: Branches, parts: &JoinParts<'_>) -> Result<Branches> {
        self.require_same_rows_again()?;
        let building = parts.choose_build_side(&left, &right);
        let outer = JoinParts { kind: JoinKind::Outer { kept: building.other() }, ..*parts };
        let kept = self.join(left.clone(), right.clone(), &outer)?;

        let is_own = |column: &JoinColumn| matches!(column, JoinColumn::Of { side, .. } if *side == building);
        let own: Vec<JoinColumn> = parts.output.iter().copied().filter(is_own).collect();
        let anti = JoinParts { kind: JoinKind::Anti { kept: building }, output: &own, ..*parts };
        let mut unmatched = self.join(left, right, &anti)?;
        let known = kept.first();
        let known: Vec<Column> = known.columns.iter().map(|column| with_range(known, column)).collect();
        unmatched.each(|open| pad(open, (parts.output, building), &known))?;
        Branches::united(vec![kept, unmatched])
    }

    /// Sums of floats hang on the order of their rows, and tables held in parts are filled anew for the second reading: a row might
    /// have a match in one reading that it has not in the other.
    fn require_same_rows_again(&self) -> Result<()> {
        let mut kinds = self.groups.iter().flat_map(|group| &group.table.accumulators);
        if self.limits.parts && !kinds.all(|kind| kind.is_of_any_order()) {
            return Err(Error::Refused(
                "a full join over sums of floats, which would be added up once more to read them again, in the memory that there is; \
                 raise `maar.device_memory`"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

/// A column, with the range of its values.
fn with_range(open: &OpenPipeline, column: &Column) -> Column {
    Column { range: Some(open.range(&open.read(column.register))), ..column.clone() }
}

/// Gives rows of the `building` side alone all columns that the join puts out; `known` are these in rows that it keeps.
fn pad(open: &mut OpenPipeline, (output, building): (&[JoinColumn], JoinSide), known: &[Column]) -> Result<()> {
    let mut own = std::mem::take(&mut open.columns).into_iter();
    for (column, known) in output.iter().zip(known) {
        let column = match column {
            JoinColumn::Of { side, .. } if *side == building => own.next(),
            _ => Some(Column { register: open.keep(null(known.ty)), tail: None, unique: false, ..known.clone() }),
        };
        open.columns.push(column.ok_or_else(|| Error::internal("a full join without a column of its rows"))?);
    }
    Ok(())
}
