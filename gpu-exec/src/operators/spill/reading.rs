//! Written rows while a stage reads them: a wave on the device at a time.

use std::sync::Arc;

use super::bucket::{ColumnBytes, row_bytes};
use super::space::RowSpace;
use super::store::{RowStore, Run, Written};
use crate::column::{
    ColumnFacts, ColumnMeta, DeviceColumn, DeviceTable, RowBound, Segment, SegmentTable, Stored, TILE_ROWS, TableShape,
    padded_rows,
};
use crate::device::{DeviceBuffer, DeviceError, DeviceHandle, Stream};
use crate::error::{Error, Result};
use crate::ir::{PayloadShape, Repr, Type};
use crate::operators::feed::Wave;
use crate::operators::part::Part;

/// A wave takes this share of the device.
const WAVE_SHARE: u64 = 8;

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
        let mut bytes = handle.memory().budget_bytes / WAVE_SHARE;
        loop {
            let begin = self.next;
            let slices = self.slices(bytes)?;
            if slices.is_empty() {
                return Ok(false);
            }
            let one_tile = slices.iter().map(|(rows, _)| *rows).sum::<usize>() <= TILE_ROWS;
            match self.upload(handle, stream, &slices) {
                Ok(wave) => {
                    self.wave = Some(wave);
                    return Ok(true);
                }
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if !one_tile => {
                    self.next = begin;
                    bytes /= 2;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next rows, of about so many bytes: whole tiles of a run, but for its last.
    fn slices(&mut self, bytes: u64) -> Result<Vec<(usize, Vec<ColumnBytes>)>> {
        let row_bytes = row_bytes(&self.store.shapes).max(1);
        let mut tiles = (usize::try_from(bytes).unwrap_or(usize::MAX) / row_bytes / TILE_ROWS).max(1);
        let mut slices = Vec::new();
        while let Some(run) = self.runs.get(self.next.0).copied().filter(|_| tiles > 0) {
            let (first, all) = (self.next.1, self.store.rows(run));
            let end = all.min(first + tiles * TILE_ROWS);
            slices.push((end - first, self.store.read(run, first..end)?));
            tiles -= (end - first).div_ceil(TILE_ROWS);
            self.next = if end == all { (self.next.0 + 1, 0) } else { (self.next.0, end) };
        }
        Ok(slices)
    }

    fn upload(&self, handle: &DeviceHandle, stream: &Stream, slices: &[(usize, Vec<ColumnBytes>)]) -> Result<Wave> {
        let mut segments = Vec::with_capacity(slices.len());
        for (rows, columns) in slices {
            let columns = columns.iter().map(|column| upload_column(handle, stream, column, *rows));
            segments.push(Segment { rows: *rows as u64, columns: columns.collect::<Result<_>>()? });
        }
        let rows = RowBound::Exact(segments.iter().map(|segment| segment.rows).sum());
        let columns = self.store.shapes.iter().map(column_meta).collect();
        let table = DeviceTable::new(TableShape { columns, rows }, segments);
        let segments = Arc::new(SegmentTable::upload(handle, stream, &table)?);
        Ok(Wave { table, segments })
    }
}

fn upload_column(handle: &DeviceHandle, stream: &Stream, column: &ColumnBytes, rows: usize) -> Result<DeviceColumn> {
    let width = column.data.len() / rows.max(1);
    let copy = |bytes: &[u8], room: usize| -> Result<Arc<DeviceBuffer>> {
        let buffer = handle.alloc("written rows", room)?;
        stream.upload(&buffer, 0, bytes)?;
        // The bytes do not outlive this, and the copy reads them.
        stream.synchronize()?;
        Ok(Arc::new(buffer))
    };
    let padded = padded_rows(rows);
    let has_nulls = column.valid.contains(&0);
    let validity = has_nulls.then(|| copy(&bits(&column.valid), padded / 8)).transpose()?;
    Ok(DeviceColumn { data: copy(&column.data, padded * width)?, validity })
}

/// A bit for each byte that is not 0, least significant first.
fn bits(bytes: &[u8]) -> Vec<u8> {
    let byte = |eight: &[u8]| (0..).zip(eight).fold(0, |byte, (at, valid)| byte | u8::from(*valid != 0) << at);
    bytes.chunks(8).map(byte).collect()
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
