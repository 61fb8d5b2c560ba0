//! Written rows while a stage reads them: a wave on the device at a time.

use std::sync::Arc;

use super::batch::{ColumnBytes, row_bytes};
use super::space::RowSpace;
use super::store::{RowStore, Run, Written};
use crate::column::{
    ColumnFacts, ColumnMeta, DeviceColumn, DeviceTable, RowBound, Segment, SegmentTable, Stored, TILE_ROWS, TableShape,
    padded_rows,
};
use crate::device::{DeviceError, DeviceHandle, DeviceResult, Stream};
use crate::error::{Error, Result};
use crate::ir::{PayloadShape, Repr, Type};
use crate::operators::feed::Wave;
use crate::operators::part::Part;

/// A wave takes this share of the device, and no more than so many bytes: it is gathered on the host.
const WAVE_SHARE: u64 = 8;
const WAVE_BYTES_MAX: u64 = 128 << 20;

/// The rows that one stage writes and another reads.
pub(in crate::operators) struct RowsState {
    pub(super) store: RowStore,
    runs: Vec<Run>,
    /// The run that comes next, and where in it.
    next: (usize, usize),
    wave: Option<Wave>,
}

impl RowsState {
    pub(in crate::operators) fn new(shapes: &[PayloadShape], space: &Arc<dyn RowSpace>) -> Self {
        let store = RowStore::new(shapes.to_vec(), Arc::clone(space));
        Self { store, runs: vec![], next: (0, 0), wave: None }
    }

    pub(in crate::operators) fn written(&self) -> Written {
        self.store.written
    }

    /// From the first row of a part.
    pub(in crate::operators) fn rewind(&mut self, part: Part) {
        self.wave = None;
        self.runs = self.store.runs(part);
        self.next = (0, 0);
    }

    pub(in crate::operators) fn wave(&self) -> Option<&Wave> {
        self.wave.as_ref()
    }

    /// Goes on to the next wave; `false` at the end. Nothing may be in flight that reads the last one. Where there is no room
    /// for a whole wave, a smaller one comes.
    pub(in crate::operators) fn advance(&mut self, handle: &DeviceHandle, stream: &Stream) -> Result<bool> {
        self.wave = None;
        let mut bytes = (handle.memory().budget_bytes / WAVE_SHARE).min(WAVE_BYTES_MAX);
        loop {
            let begin = self.next;
            let (rows, columns) = self.gather(bytes)?;
            if rows == 0 {
                return Ok(false);
            }
            match self.upload(handle, stream, rows, &columns) {
                Ok(wave) => {
                    self.wave = Some(wave);
                    return Ok(true);
                }
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if rows > TILE_ROWS => {
                    self.next = begin;
                    bytes /= 2;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next rows, of about so many bytes, one after another in columns that are padded to whole tiles.
    fn gather(&mut self, bytes: u64) -> Result<(usize, Vec<ColumnBytes>)> {
        let shapes = &self.store.shapes;
        let tiles = usize::try_from(bytes).unwrap_or(usize::MAX) / row_bytes(shapes).max(1) / TILE_ROWS;
        let left: usize = self.runs[self.next.0..].iter().map(|run| self.store.rows(*run)).sum::<usize>() - self.next.1;
        let rows = left.min(tiles.max(1) * TILE_ROWS);
        let room = |shape: &PayloadShape| ColumnBytes {
            data: Vec::with_capacity(padded_rows(rows) * shape.bytes()),
            valid: Vec::with_capacity(if shape.nullable { rows } else { 0 }),
        };
        let mut columns: Vec<ColumnBytes> = shapes.iter().map(room).collect();
        let mut gathered = 0;
        while gathered < rows {
            let (run, first) = (self.runs[self.next.0], self.next.1);
            let all = self.store.rows(run);
            let end = all.min(first + rows - gathered);
            self.store.read(run, first..end, &mut columns)?;
            gathered += end - first;
            self.next = if end == all { (self.next.0 + 1, 0) } else { (self.next.0, end) };
        }
        for (column, shape) in columns.iter_mut().zip(shapes) {
            column.data.resize(padded_rows(rows) * shape.bytes(), 0);
        }
        Ok((rows, columns))
    }

    fn upload(&self, handle: &DeviceHandle, stream: &Stream, rows: usize, columns: &[ColumnBytes]) -> Result<Wave> {
        let column = |column: &ColumnBytes| {
            let validity = column.valid.contains(&0).then(|| bits(&column.valid, padded_rows(rows)));
            DeviceColumn::upload(handle, stream, "written rows", (&column.data, validity.as_deref()))
        };
        let columns = columns.iter().map(column).collect::<DeviceResult<_>>()?;
        let segment = Segment { rows: rows as u64, columns };
        let columns = self.store.shapes.iter().map(column_meta).collect();
        let table = DeviceTable::new(TableShape { columns, rows: RowBound::Exact(rows as u64) }, vec![segment]);
        let segments = Arc::new(SegmentTable::upload(handle, stream, &table)?);
        Ok(Wave { table, segments })
    }
}

/// A bit for each byte that is not 0, least significant first, for so many rows.
fn bits(bytes: &[u8], rows: usize) -> Vec<u8> {
    let byte = |eight: &[u8]| (0..).zip(eight).fold(0, |byte, (at, valid)| byte | u8::from(*valid != 0) << at);
    let mut bits = Vec::with_capacity(rows / 8);
    bits.extend(bytes.chunks(8).map(byte));
    bits.resize(rows / 8, 0);
    bits
}

fn column_meta(shape: &PayloadShape) -> ColumnMeta {
    let (stored, ty) = match shape.repr {
        Repr::Bool => (Stored::Bool, Type::Bool),
        Repr::Int => (Stored::Int { width: shape.width, base: 0 }, Type::INT64),
        Repr::F32 => (Stored::Float32, Type::Float { bytes: 4 }),
        Repr::F64 => (Stored::Float64, Type::Float { bytes: 8 }),
    };
    ColumnMeta { name: String::new(), ty, stored, facts: ColumnFacts::default() }
}
