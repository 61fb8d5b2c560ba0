//! Written rows while a stage reads them: a wave on the device at a time.

use std::sync::Arc;

use super::batch::{ColumnBytes, columns_of, row_bytes};
use super::space::RowSpace;
use super::store::{RowStore, Run, Written};
use crate::column::{
    ColumnFacts, ColumnMeta, DeviceColumn, DeviceTable, RowBound, Segment, SegmentTable, Stored, TILE_ROWS, TableShape,
    padded_rows,
};
use crate::device::{DeviceError, DeviceHandle, DeviceResult, Stream, TimeMark};
use crate::error::{Error, Result};
use crate::ir::{PayloadShape, Repr, Type};
use crate::operators::emit::Emitted;
use crate::operators::feed::Wave;
use crate::operators::part::Part;
use crate::operators::windows;
use crate::strategy::{RowsPlan, RowsReading, WindowPlan};

/// A wave takes this share of the device, and no more than so many bytes: it is gathered on the host.
const WAVE_SHARE: u64 = 8;
const WAVE_BYTES_MAX: u64 = 128 << 20;
/// What rows of a window take of the device at first, with all that is made of them.
const WINDOW_SHARE: u64 = 2;

/// The rows that one stage writes and another reads.
pub(in crate::operators) struct RowsState {
    pub(super) store: RowStore,
    runs: Vec<Run>,
    /// The run that comes next, and where in it.
    next: (usize, usize),
    wave: Option<Wave>,
    /// What is made of the rows, where they are of a window.
    window: Option<WindowPlan>,
    /// Such rows, where all of them have stayed on the device, and how many they are.
    pub(super) stayed: Option<(Emitted, u64)>,
    /// Whether their wave was given.
    is_given: bool,
    /// When the device began and ended to make the last wave of a window.
    made: Option<[TimeMark; 2]>,
}

impl RowsState {
    pub(in crate::operators) fn new(plan: &RowsPlan, space: &Arc<dyn RowSpace>) -> Self {
        let store = RowStore::new(plan.columns.clone(), Arc::clone(space));
        let window = match &plan.reading {
            RowsReading::Windows(window) => Some(window.clone()),
            RowsReading::Parts { .. } => None,
        };
        Self { store, runs: vec![], next: (0, 0), wave: None, window, stayed: None, is_given: false, made: None }
    }

    pub(in crate::operators) fn written(&self) -> Written {
        self.store.written
    }

    /// From the first row of a part.
    pub(in crate::operators) fn rewind(&mut self, part: Part) {
        self.wave = None;
        self.runs = self.store.runs(part);
        self.next = (0, 0);
        self.is_given = false;
    }

    pub(in crate::operators) fn wave(&self) -> Option<&Wave> {
        self.wave.as_ref()
    }

    /// When the device began and ended to sort the rows of a window's last wave, and to make what is beside them. Once.
    pub(in crate::operators) fn time_made(&mut self) -> Option<[TimeMark; 2]> {
        self.made.take()
    }

    /// Goes on to the next wave; `false` at the end. Nothing may be in flight that reads the last one. Where there is no room
    /// for a whole wave, a smaller one comes.
    pub(in crate::operators) fn advance(&mut self, handle: &DeviceHandle, stream: &Stream) -> Result<bool> {
        self.wave = None;
        if self.stayed.is_some() && !self.advance_stayed((handle, stream))? {
            return Ok(self.wave.is_some());
        }
        let budget = handle.memory().budget_bytes;
        let mut bytes = match &self.window {
            None => (budget / WAVE_SHARE).min(WAVE_BYTES_MAX),
            Some(plan) => {
                let shapes = &self.store.shapes;
                budget / WINDOW_SHARE / windows::row_bytes(plan, shapes) * row_bytes(shapes) as u64
            }
        };
        loop {
            let begin = self.next;
            let ahead = self.ahead(bytes);
            let columns = self.gather(ahead)?;
            if ahead.rows == 0 {
                return Ok(false);
            }
            match self.upload(handle, stream, ahead.rows, columns) {
                Ok(wave) => {
                    self.wave = Some(wave);
                    return Ok(true);
                }
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if ahead.may_be_less => {
                    self.next = begin;
                    bytes /= 2;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Rows that have stayed on the device are one wave. Whether they had to go to the host, for want of room beside them.
    fn advance_stayed(&mut self, (handle, stream): (&DeviceHandle, &Stream)) -> Result<bool> {
        let (Some(plan), Some((emitted, rows))) = (&self.window, &self.stayed) else { return Ok(false) };
        if self.is_given || *rows == 0 {
            return Ok(false);
        }
        self.is_given = true;
        match windows::wave((handle, stream), (plan, &self.store.shapes), (emitted, *rows)) {
            Ok((wave, made)) => {
                (self.wave, self.made) = (Some(wave), Some(made));
                return Ok(false);
            }
            Err(Error::Device(DeviceError::OutOfMemory { .. })) => {}
            Err(error) => return Err(error),
        }
        self.leave_device(stream)?;
        self.rewind(Part::WHOLE);
        Ok(true)
    }

    /// Rows that have stayed on the device go to those on the host. Waits for the device.
    pub(super) fn leave_device(&mut self, stream: &Stream) -> Result<()> {
        let Some((emitted, rows)) = self.stayed.take() else { return Ok(()) };
        let taken = emitted.rows(stream, 0..rows as usize)?;
        self.store.add(&columns_of(&taken, self.store.shapes.len()), rows as usize)
    }

    /// How many rows come next, of about so many bytes: of a window all of some parts.
    fn ahead(&self, bytes: u64) -> Ahead {
        let shapes = &self.store.shapes;
        let most = usize::try_from(bytes).unwrap_or(usize::MAX) / row_bytes(shapes).max(1);
        let left = &self.runs[self.next.0.min(self.runs.len())..];
        if self.window.is_none() {
            let left: usize = left.iter().map(|run| self.store.rows(*run)).sum::<usize>() - self.next.1;
            let rows = left.min((most / TILE_ROWS).max(1) * TILE_ROWS);
            return Ahead { rows, may_be_less: rows > TILE_ROWS };
        }
        let (mut rows, mut buckets) = (0, 0);
        for bucket in left.chunk_by(|one, next| one.bucket() == next.bucket()) {
            let more: usize = bucket.iter().map(|run| self.store.rows(*run)).sum();
            if buckets > 0 && rows + more > most {
                break;
            }
            (rows, buckets) = (rows + more, buckets + 1);
        }
        Ahead { rows, may_be_less: buckets > 1 }
    }

    /// The next rows, one after another.
    fn gather(&mut self, Ahead { rows, .. }: Ahead) -> Result<Vec<ColumnBytes>> {
        let shapes = &self.store.shapes;
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
        Ok(columns)
    }

    fn upload(
        &mut self,
        handle: &DeviceHandle,
        stream: &Stream,
        rows: usize,
        columns: Vec<ColumnBytes>,
    ) -> Result<Wave> {
        match &self.window {
            None => self.upload_plain(handle, stream, rows, columns),
            Some(plan) => {
                let shapes = self.store.shapes.iter().map(|shape| (*shape, false));
                let emitted = Emitted::of_shapes(handle, shapes, 0, rows as u64)?;
                for (number, column) in columns.iter().enumerate() {
                    emitted.put(stream, number, (&column.data, &column.valid))?;
                }
                let rows = (&emitted, rows as u64);
                let (wave, made) = windows::wave((handle, stream), (plan, &self.store.shapes), rows)?;
                self.made = Some(made);
                Ok(wave)
            }
        }
    }

    /// As the rows are, padded to whole tiles.
    fn upload_plain(
        &self,
        handle: &DeviceHandle,
        stream: &Stream,
        rows: usize,
        mut columns: Vec<ColumnBytes>,
    ) -> Result<Wave> {
        for (column, shape) in columns.iter_mut().zip(&self.store.shapes) {
            column.data.resize(padded_rows(rows) * shape.bytes(), 0);
        }
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

/// The rows of the next wave.
#[derive(Clone, Copy)]
struct Ahead {
    rows: usize,
    /// Whether fewer of them can be a wave.
    may_be_less: bool,
}

/// A bit for each byte that is not 0, least significant first, for so many rows.
fn bits(bytes: &[u8], rows: usize) -> Vec<u8> {
    let byte = |eight: &[u8]| (0..).zip(eight).fold(0, |byte, (at, valid)| byte | u8::from(*valid != 0) << at);
    let mut bits = Vec::with_capacity(rows / 8);
    bits.extend(bytes.chunks(8).map(byte));
    bits.resize(rows / 8, 0);
    bits
}

pub(in crate::operators) fn column_meta(shape: &PayloadShape) -> ColumnMeta {
    let (stored, ty) = match shape.repr {
        Repr::Bool => (Stored::Bool, Type::Bool),
        Repr::Int => (Stored::Int { width: shape.width, base: 0 }, Type::INT64),
        Repr::F32 => (Stored::Float32, Type::Float { bytes: 4 }),
        Repr::F64 => (Stored::Float64, Type::Float { bytes: 8 }),
    };
    ColumnMeta { name: String::new(), ty, stored, facts: ColumnFacts::default() }
}
