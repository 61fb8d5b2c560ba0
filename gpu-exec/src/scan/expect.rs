//! The shape that a scan will have, from what footers claim: known before a value is read, and never relied upon.
//!
//! What is compiled for it is used only where the facts of the loaded values ask for the same source. Not here: claims
//! that decide how values are stored, which decoding verifies (`predict.rs`, `column.rs`).

use std::sync::Arc;

use super::ParquetScan;
use super::column::Column;
use super::open::{Group, Opened};
use super::predict::{PredictedRange, claims};
use crate::column::{ChunkFacts, ColumnMeta, RowBound, Stored, TableShape, Target};

/// Keys that are numbered are seldom sparser: one value of so many is there.
const KEY_SPARSENESS: i128 = 8;

/// The shape of a scan; `None` where footers do not say enough of a column, as of text whose dictionaries are still to be
/// read.
pub(crate) fn expected_shape(scan: &ParquetScan, opened: &Opened, columns: &[Column]) -> Option<TableShape> {
    let meta = |position: &usize| {
        let column = columns.iter().find(|column| column.position == *position)?;
        expected_column(column, opened)
    };
    let columns = scan.projection.iter().map(meta).collect::<Option<Vec<_>>>()?;
    Some(TableShape { columns, rows: RowBound::Exact(opened.runs.iter().map(|run| run.rows as u64).sum()) })
}

fn expected_column(column: &Column, opened: &Opened) -> Option<ColumnMeta> {
    let mut chunks = Vec::new();
    for (run, piece) in opened.runs.iter().zip(&column.pieces) {
        match piece {
            Some(piece) => chunks.extend(piece.chunks()),
            None => chunks.extend(run.groups.iter().map(|group| claimed(column, group)).collect::<Option<Vec<_>>>()?),
        }
    }
    Some(ColumnMeta {
        name: column.name.to_string(),
        ty: column.ty,
        stored: expected_form(column)?,
        facts: column.facts(&chunks),
    })
}

/// A text's codes depend on all of its dictionaries.
fn expected_form(column: &Column) -> Option<Stored> {
    let target = column.target();
    let mut pieces = column.pieces.iter();
    match (target, pieces.next()) {
        (Target::Text, Some(first)) => {
            let first = &first.as_ref()?.stored;
            let alike = pieces.all(|piece| piece.as_ref().is_some_and(|piece| shares_dictionary(first, &piece.stored)));
            alike.then(|| first.clone())
        }
        _ => Some(target.stored_empty()),
    }
}

fn shares_dictionary(one: &Stored, other: &Stored) -> bool {
    match (one, other) {
        (Stored::Codes { width, dictionary }, Stored::Codes { width: other_width, dictionary: other }) => {
            width == other_width && Arc::ptr_eq(dictionary, other)
        }
        _ => false,
    }
}

/// The facts of a row group that is still to be read. Whether it ascends, no footer says: it may where the values are as
/// many as the keys of a table are among their range.
fn claimed(column: &Column, group: &Group) -> Option<ChunkFacts> {
    let claim = claims(&group.footer, &column.field)[group.row_group];
    let nulls = if column.field.is_nullable() { claim.nulls? } else { 0 };
    let Target::Int(_) = column.target() else { return Some(ChunkFacts { nulls, ..ChunkFacts::default() }) };
    let PredictedRange::Known(range) = claim.range else { return None };
    let values = i128::from((group.rows as u64).saturating_sub(nulls));
    let ascending = range.is_some_and(|(min, max)| {
        let span = max.saturating_sub(min).saturating_add(1);
        values <= span && span / KEY_SPARSENESS <= values
    });
    Some(ChunkFacts { nulls, range, ascending })
}
