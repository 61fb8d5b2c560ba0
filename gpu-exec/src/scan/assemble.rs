//! From loaded pieces to a table: a column's pieces are made alike, columns are laid side by side.

use std::collections::HashMap;

use super::column::Column;
use super::kept_tables::KeptTable;
use super::load::Loaded;
use super::piece::{Piece, PieceKey};
use super::round::ScanLoad;
use super::runs::Run;
use super::unify::{Unified, are_alike, unify};
use super::{ColumnStore, LoadStats, ScanError};
use crate::column::{ColumnMeta, DeviceTable, RowBound, Segment, Stored, TableShape, Target};
use crate::device::{DeviceHandle, side_by_side};
use crate::ir::Type;

/// Columns of a table that are made alike at a time.
const COLUMNS_AT_ONCE: usize = 8;

/// What the scans of a query are assembled with.
pub(crate) struct Assembly<'a> {
    pub(crate) device: &'a DeviceHandle,
    pub(crate) store: &'a ColumnStore,
    /// Pieces that this query has loaded or made anew, in their latest form: scans over the same files share them.
    pub(crate) fresh: HashMap<PieceKey, Piece>,
}

/// A column, and its pieces in their latest form.
struct Latest {
    column: Column,
    pieces: Vec<Piece>,
}

impl Assembly<'_> {
    /// The table of a scan whose pieces are all there.
    pub(crate) fn table(&mut self, load: ScanLoad) -> Result<Loaded, ScanError> {
        if let Some(loaded) = self.arrived(&load) {
            return Ok(loaded);
        }
        let ScanLoad { source, opened, wanted, .. } = load;
        let mut stats = *source.stats().lock();
        let rows = RowBound::Exact(opened.runs.iter().map(|run| run.rows as u64).sum());
        let mut shape = TableShape { columns: vec![], rows };
        let segment = |run: &Run| Segment { rows: run.rows as u64, columns: vec![] };
        let mut segments: Vec<Segment> = opened.runs.iter().map(segment).collect();
        let columns: Vec<Latest> = wanted.into_iter().map(|column| self.latest(&opened.runs, column)).collect();
        // Dictionaries of millions of texts take long to merge: those of one table are merged side by side.
        let unlike = columns.iter().filter(|latest| !are_alike(&latest.pieces)).count();
        let unified = side_by_side(&columns, unlike.min(COLUMNS_AT_ONCE), |Latest { column, pieces }| {
            unify(self.device, &column.name, pieces.clone())
        });
        let (mut finished, mut keys) = (HashMap::new(), Vec::new());
        for (Latest { column, .. }, unified) in columns.into_iter().zip(unified) {
            keys.extend(opened.runs.iter().map(|run| column.key(run)));
            finished.insert(column.position, self.finished(&opened.runs, &column, unified?, &mut stats));
        }
        for (meta, pieces) in source.scan.projection.iter().filter_map(|position| finished.get(position)) {
            shape.columns.push(meta.clone());
            for (segment, piece) in segments.iter_mut().zip(pieces) {
                segment.columns.push(piece.column.clone());
            }
        }
        stats.columns_raw = finished.values().filter(|(meta, _)| matches!(meta.stored, Stored::RawText)).count() as u64;
        stats.device_bytes = finished.values().flat_map(|(_, pieces)| pieces).map(Piece::bytes).sum();
        source.note(|noted| *noted = stats);
        let table = DeviceTable::new(shape, segments);
        if opened.as_listed {
            let kept = KeptTable { table: table.clone(), stats: KeptTable::found(stats), pieces: keys.into() };
            self.store.keep_table(&source.scan, kept);
        }
        Ok(Loaded { table, stats })
    }

    /// The table of a scan whose segments were handed on, each as expected: what was begun with it goes on, and the next run of
    /// the plan is the same.
    fn arrived(&self, load: &ScanLoad) -> Option<Loaded> {
        let arrival = &load.arriving.as_ref()?.0;
        let table = arrival.table()?;
        let ScanLoad { source, opened, wanted, .. } = load;
        let bytes = wanted.iter().flat_map(|column| &column.pieces).flatten().map(Piece::bytes).sum();
        let columns_raw = wanted.iter().filter(|column| column.target() == Target::RawText).count() as u64;
        let noted = |stats: &mut LoadStats| (stats.device_bytes, stats.columns_raw) = (bytes, columns_raw);
        source.note(noted);
        let stats = *source.stats().lock();
        let keys = wanted.iter().flat_map(|column| opened.runs.iter().map(|run| column.key(run)));
        self.keep(load, &table, (stats, keys.collect()));
        arrival.end(Ok(table.clone()));
        Some(Loaded { table, stats })
    }

    /// Keeps a table for the next run of its plan.
    fn keep(&self, load: &ScanLoad, table: &DeviceTable, (stats, pieces): (LoadStats, Vec<PieceKey>)) {
        if load.opened.as_listed {
            let kept = KeptTable { table: table.clone(), stats: KeptTable::found(stats), pieces: pieces.into() };
            self.store.keep_table(&load.source.scan, kept);
        }
    }

    /// A column's pieces, where another scan has made them anew in that form.
    fn latest(&self, runs: &[Run], mut column: Column) -> Latest {
        let mut pieces: Vec<Piece> = std::mem::take(&mut column.pieces).into_iter().flatten().collect();
        if !self.fresh.is_empty() {
            for (piece, run) in pieces.iter_mut().zip(runs) {
                if let Some(latest) = self.fresh.get(&column.key(run)).filter(|latest| latest.layout() == column.layout)
                {
                    *piece = latest.clone();
                }
            }
        }
        Latest { column, pieces }
    }

    /// Keeps the pieces that were made anew, and gathers the column's facts.
    fn finished(
        &mut self,
        runs: &[Run],
        column: &Column,
        unified: Unified,
        stats: &mut LoadStats,
    ) -> (ColumnMeta, Vec<Piece>) {
        for at in &unified.changed {
            let (key, piece) = (column.key(&runs[*at]), &unified.pieces[*at]);
            self.store.insert(key.clone(), piece.clone());
            self.fresh.insert(key, piece.clone());
        }
        if column.ty == Type::Text {
            stats.columns_recoded += unified.changed.len() as u64;
        }
        let chunks: Vec<_> = unified.pieces.iter().flat_map(Piece::chunks).copied().collect();
        let meta = ColumnMeta {
            name: column.name.to_string(),
            ty: column.ty,
            stored: unified.stored.unwrap_or_else(|| column.target().stored_empty()),
            facts: column.facts(&chunks),
        };
        (meta, unified.pieces)
    }
}
