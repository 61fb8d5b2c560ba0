//! One column of a scan on its way to the device: the form it is to have, and the pieces that are there already.

use std::sync::Arc;

use arrow::datatypes::FieldRef;

use super::footer::Footer;
use super::kept::RowsKey;
use super::open::{Group, Opened};
use super::piece::{Piece, PieceKey};
use super::predict::{PredictedRange, layout_for, may_hold_nulls, predict};
use super::read::Declared;
use super::runs::Run;
use super::words::Words;
use super::{ColumnStore, ParquetScan, ScanError};
use crate::column::{ChunkFacts, ColumnFacts, Elsewhere, EncodedChunk, IntLayout, Target, full_layout};
use crate::ir::Type;

/// One column of the scan while it is being loaded.
#[derive(Debug)]
pub(crate) struct Column {
    /// Position in the table's schema.
    pub(crate) position: usize,
    pub(crate) field: FieldRef,
    pub(crate) name: Arc<str>,
    pub(crate) ty: Type,
    /// For types stored as integers.
    pub(crate) layout: Option<IntLayout>,
    /// Text that is kept as it is.
    pub(crate) raw: bool,
    /// A value within the predicted range.
    pub(crate) filler: i128,
    /// What all row groups of the files may hold, skipped ones included.
    elsewhere: Elsewhere,
    /// One a run; `None` is not loaded yet.
    pub(crate) pieces: Vec<Option<Piece>>,
    /// Of text whose words are read ahead of its rows.
    pub(crate) words: Option<Words>,
    /// One a run, of a scan that does not fit the device: encoded, on the host.
    pub(crate) held: Vec<Option<Arc<EncodedChunk>>>,
}

/// Decides the form of each column of a scan and takes what is resident in it.
pub(crate) fn plan_columns(
    columns: &ColumnStore,
    scan: &ParquetScan,
    opened: &Opened,
) -> Result<Vec<Column>, ScanError> {
    let mut planned: Vec<Column> = Vec::new();
    for position in &scan.projection {
        if planned.iter().any(|column| column.position == *position) {
            continue;
        }
        let field = Arc::clone(&scan.table_schema.fields()[*position]);
        let ty = Type::from_arrow(field.data_type()).ok_or_else(|| ScanError::UploadType {
            column: field.name().clone(),
            data_type: field.data_type().clone(),
        })?;
        let name: Arc<str> = field.name().as_str().into();
        let elsewhere = Elsewhere::default();
        let (position, pieces, words, held) = (*position, vec![], None, vec![None; opened.runs.len()]);
        let mut column =
            Column { position, field, name, ty, layout: None, raw: false, filler: 0, elsewhere, pieces, words, held };
        column.pieces = opened.runs.iter().map(|run| columns.get(&column.key(run))).collect();
        if scan.raw_text.contains(&position) && column.choose_raw(opened) {
            column.pieces = opened.runs.iter().map(|run| columns.get(&column.key(run))).collect();
        }
        column.choose_layout(opened);
        planned.push(column);
    }
    Ok(planned)
}

impl Column {
    pub(crate) fn key(&self, run: &Run) -> PieceKey {
        PieceKey {
            parts: Arc::clone(&run.parts),
            column: Arc::clone(&self.name),
            data_type: self.field.data_type().clone(),
            raw: self.raw,
        }
    }

    pub(crate) fn rows_key(&self, group: &Group) -> RowsKey {
        RowsKey {
            file: group.footer.file,
            row_group: group.row_group,
            column: Arc::clone(&self.name),
            data_type: self.field.data_type().clone(),
            raw: self.raw,
        }
    }

    /// As files are asked for it.
    pub(crate) fn declared(&self) -> Declared<'_> {
        Declared { field: &self.field, raw_text: self.raw }
    }

    /// Whether a run of it is neither on the device nor held.
    pub(crate) fn lacks(&self, run: usize) -> bool {
        self.pieces[run].is_none() && self.held[run].is_none()
    }

    pub(crate) fn target(&self) -> Target {
        if self.raw { Target::RawText } else { Target::for_type(self.ty, self.layout) }
    }

    /// What facts of runs of its values say about the column.
    pub(crate) fn facts(&self, chunks: &[ChunkFacts]) -> ColumnFacts {
        let mut facts = ColumnFacts { elsewhere: self.elsewhere, ..ColumnFacts::of_chunks(chunks) };
        // No row, no value twice: a join over what was skipped whole is the join it is over what is not.
        facts.unique |= chunks.is_empty();
        facts
    }

    /// Text that needs no dictionary is kept as it is where the files have none for all of it, or one with most of the
    /// rows. All row groups are asked, so that the form does not depend on the predicate. A dictionary that is there
    /// already is used.
    fn choose_raw(&mut self, opened: &Opened) -> bool {
        let resident = !self.pieces.is_empty() && self.pieces.iter().all(Option::is_some);
        let lacks = |footer: &Arc<Footer>| footer.lacks_dictionary(self.field.name());
        self.raw = self.ty == Type::Text && !resident && opened.footers.iter().any(lacks);
        self.raw
    }

    /// The narrowest layout among the resident pieces that holds every predicted value, so that a query over some of
    /// the files does not undo the layout of a query over all of them; else the predicted one.
    fn choose_layout(&mut self, opened: &Opened) {
        let predicted = predict(&opened.footers, &self.field);
        let range = match predicted {
            PredictedRange::Known(range) => range,
            PredictedRange::Unknown => full_layout(self.ty).map(IntLayout::limits),
        };
        let covers = |layout: &IntLayout| range.is_none_or(|(min, max)| layout.covers(min, max));
        let resident =
            self.pieces.iter().flatten().filter_map(Piece::layout).filter(covers).min_by_key(|layout| layout.width);
        let layout = resident.or_else(|| layout_for(predicted, self.ty));
        self.filler = range.map_or(0, |(min, max)| 0.clamp(min, max));
        self.elsewhere.range = match predicted {
            PredictedRange::Known(range) => range,
            PredictedRange::Unknown => None,
        };
        self.elsewhere.nulls = opened.skips_groups() && may_hold_nulls(&opened.footers, &self.field);
        self.set_layout(layout);
    }

    /// Pieces in another layout will be loaded again.
    pub(crate) fn set_layout(&mut self, layout: Option<IntLayout>) {
        self.layout = layout;
        for piece in &mut self.pieces {
            if piece.as_ref().is_some_and(|piece| piece.layout() != layout) {
                *piece = None;
            }
        }
        for held in &mut self.held {
            let other = |chunk: &Arc<EncodedChunk>| layout.is_some_and(|layout| chunk.stored.layout() != Some(layout));
            if held.as_ref().is_some_and(other) {
                *held = None;
            }
        }
    }
}
