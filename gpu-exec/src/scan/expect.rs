//! The shape that a scan will have, from what footers claim: known before a value is read. Every segment is held against it
//! before it is computed with (`arrival.rs`); where a table is loaded whole first, what is compiled for it is used only where the
//! facts of the values ask for the same source.
//!
//! Not here: claims that decide how values are stored, which decoding verifies (`predict.rs`, `column.rs`); the words of texts
//! (`words.rs`).

use std::sync::Arc;

use super::ParquetScan;
use super::column::Column;
use super::open::{Group, Opened};
use super::piece::Piece;
use super::predict::{PredictedRange, claims};
use super::runs::Run;
use crate::column::{ChunkFacts, ColumnFacts, ColumnMeta, Dictionary, RowBound, Stored, TableShape, Target};
use crate::ir::IntWidth;

/// Keys that are numbered are seldom sparser: one value of so many is there.
const KEY_SPARSENESS: i128 = 8;

/// What is expected of a scan.
#[derive(Debug)]
pub(crate) struct Expected {
    /// In the order of the load; of text whose words are still to be read, with none.
    pub(crate) columns: Vec<ColumnMeta>,
    /// What is claimed of each of them, run by run.
    pub(crate) claims: Vec<Vec<Vec<ChunkFacts>>>,
    /// Which of them the columns of the table are.
    pub(crate) places: Vec<usize>,
    /// Of each run.
    pub(crate) rows: Vec<u64>,
}

impl Expected {
    /// `None` where footers do not say enough of a column.
    pub(crate) fn of(scan: &ParquetScan, opened: &Opened, columns: &[Column]) -> Option<Self> {
        let place = |position: &usize| columns.iter().position(|column| column.position == *position);
        let places = scan.projection.iter().map(place).collect::<Option<Vec<_>>>()?;
        let claims = columns.iter().map(|column| claims_of(column, opened)).collect::<Option<Vec<_>>>()?;
        let meta = |(column, claims): (&Column, &Vec<Vec<ChunkFacts>>)| ColumnMeta {
            name: column.name.to_string(),
            ty: column.ty,
            stored: expected_form(column).unwrap_or_else(|| column.target().stored_empty()),
            facts: column.facts(&claims.concat()),
        };
        let columns = columns.iter().zip(&claims).map(meta).collect();
        Some(Self { columns, claims, places, rows: opened.runs.iter().map(|run| run.rows as u64).collect() })
    }

    /// The shape of the table, where `words` are those of its texts that were still to be read, by the place of the column.
    pub(crate) fn shape(&self, words: &[Option<Arc<Dictionary>>]) -> TableShape {
        let column = |place: &usize| {
            let meta = self.columns[*place].clone();
            let Some(dictionary) = &words[*place] else { return meta };
            let width = IntWidth::for_codes(dictionary.len());
            let last =
                i128::try_from(dictionary.len()).ok().and_then(|len| len.checked_sub(1)).filter(|last| *last >= 0);
            ColumnMeta {
                stored: Stored::Codes { width, dictionary: Arc::clone(dictionary) },
                facts: ColumnFacts { range: last.map(|last| (0, last)), ..meta.facts },
                ..meta
            }
        };
        let rows = RowBound::Exact(self.rows.iter().sum());
        TableShape { columns: self.places.iter().map(column).collect(), rows }
    }
}

/// What is claimed of a column, run by run.
fn claims_of(column: &Column, opened: &Opened) -> Option<Vec<Vec<ChunkFacts>>> {
    let of_run = |(run, piece): (&Run, &Option<Piece>)| match piece {
        Some(piece) => Some(piece.chunks().to_vec()),
        None => run.groups.iter().map(|group| claimed(column, group)).collect(),
    };
    opened.runs.iter().zip(&column.pieces).map(of_run).collect()
}

/// How a column will be stored. A text's codes depend on all of its dictionaries: `None` where they are still to be read, or differ.
pub(crate) fn expected_form(column: &Column) -> Option<Stored> {
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

/// Whether codes of both mean the same.
pub(crate) fn shares_dictionary(one: &Stored, other: &Stored) -> bool {
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
