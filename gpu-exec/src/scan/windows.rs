//! A scan that does not fit the device: read some runs at a time, encoded on the host, uploaded a wave at a time.
//!
//! What a plan has to know of the whole table (facts, the words of its texts) is found by a survey that reads all of it
//! once. What is encoded stays in host memory, within a bound; what goes is read again when its turn comes. Not here:
//! what a wave is used for (`operators/feed.rs`); which scans are read so (`exec/tables.rs`).

use std::ops::Range;
use std::sync::Arc;

use super::column::Column;
use super::load::Load;
use super::round::ScanLoad;
use super::upload::upload_chunk;
use super::{LoadStats, ScanError};
use crate::column::{
    ChunkFacts, ColumnMeta, DeviceTable, Dictionary, EncodedChunk, Form, Remap, RowBound, Segment, Stored, TILE_ROWS,
    TableShape,
};
use crate::device::{DeviceError, DeviceHandle};
use crate::ir::IntWidth;

/// Bytes that runs take once they are encoded, as expected, which are read together: bounds what the host holds besides.
const WINDOW_BYTES: u64 = 64 << 20;
/// Bytes of encoded chunks that one scan leaves in host memory.
const HELD_BYTES_MAX: usize = 256 << 20;

/// One scan, in the order of its runs.
#[derive(Debug)]
pub struct Windows {
    load: Load,
    /// Runs that are read together.
    windows: Vec<Window>,
    /// Of each column of the load, once all of it has been seen.
    forms: Arc<[Form]>,
    /// Of each of them, run by run: what becomes of its codes, of texts.
    remaps: Vec<Vec<Arc<Remap>>>,
    shape: TableShape,
    held_bytes: usize,
    next: Place,
}

#[derive(Debug)]
struct Window {
    runs: Range<usize>,
    /// Its chunks stay.
    kept: bool,
}

/// The first row of what comes next.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    window: usize,
    run: usize,
    row: usize,
}

/// What is to be uploaded of a run, column by column.
struct Slice {
    rows: Range<usize>,
    chunks: Vec<(Arc<EncodedChunk>, Arc<Remap>)>,
}

/// What a survey says of a column in all of them.
struct Whole {
    meta: ColumnMeta,
    form: Form,
    remaps: Vec<Arc<Remap>>,
}

/// What a survey says of a column in one run.
struct Surveyed {
    facts: Vec<ChunkFacts>,
    dictionary: Option<Arc<Dictionary>>,
}

impl Windows {
    /// Of a load of one scan.
    pub(crate) fn new(mut load: Load) -> Self {
        let mut windows = Vec::new();
        for scan in &mut load.scans {
            scan.holds = true;
            windows.extend(windows_of(scan).into_iter().map(|runs| Window { runs, kept: false }));
            // What is resident serves other queries as long as there is room for it.
            scan.wanted.iter_mut().for_each(|column| column.pieces.fill(None));
            scan.stats.columns_resident = 0;
        }
        let shape = TableShape { columns: vec![], rows: RowBound::Exact(0) };
        Self { load, windows, forms: Arc::new([]), remaps: vec![], shape, held_bytes: 0, next: Place::default() }
    }

    /// Texts get dictionaries: a reference to a text is worth nothing once its wave is gone.
    pub fn without_raw_text(&mut self) {
        self.load.scans.iter_mut().for_each(ScanLoad::without_raw_text);
    }

    /// Reads all of the table once. Its shape, true of every row.
    ///
    /// # Errors
    /// A file that is gone, changed or corrupt; a column that has no form.
    pub async fn survey(&mut self) -> Result<TableShape, ScanError> {
        let columns = self.scan().wanted.len();
        let mut surveyed: Vec<Vec<Surveyed>> = (0..columns).map(|_| Vec::new()).collect();
        for window in 0..self.windows.len() {
            self.fill(window).await?;
            let runs = self.windows[window].runs.clone();
            for (column, of_column) in self.scan().wanted.iter().zip(&mut surveyed) {
                of_column.extend(column.held[runs.clone()].iter().flatten().map(|chunk| Surveyed::of(chunk)));
            }
            let bytes: usize = self.held(runs).map(|chunk| chunk.bytes()).sum();
            if self.held_bytes + bytes <= HELD_BYTES_MAX {
                self.held_bytes += bytes;
                self.windows[window].kept = true;
            }
            self.release(window);
        }
        let found = self.scan().wanted.iter().zip(surveyed);
        let found = found.map(|(column, surveyed)| whole(column, surveyed)).collect::<Result<Vec<_>, _>>()?;
        let scan = self.scan();
        let meta = |position: &usize| {
            let at = scan.wanted.iter().position(|column| column.position == *position)?;
            found.get(at).map(|whole| whole.meta.clone())
        };
        let rows = RowBound::Exact(scan.opened.runs.iter().map(|run| run.rows as u64).sum());
        let shape = TableShape { columns: scan.source.scan.projection.iter().filter_map(meta).collect(), rows };
        self.shape = shape.clone();
        let (forms, remaps): (Vec<Form>, Vec<_>) = found.into_iter().map(|whole| (whole.form, whole.remaps)).unzip();
        (self.forms, self.remaps) = (forms.into(), remaps);
        let columns_raw = self.scan().wanted.iter().filter(|column| column.raw).count() as u64;
        self.scan_mut().stats.columns_raw = columns_raw;
        Ok(shape)
    }

    /// From the first row again.
    pub fn rewind(&mut self) {
        self.next = Place::default();
    }

    /// The next rows, of about so many bytes, on the device; `None` at the end. Where there is no room for so many, fewer.
    ///
    /// # Errors
    /// As for a survey; no room on the device for a tile, and then the same rows come next.
    pub async fn next(&mut self, mut bytes: u64) -> Result<Option<DeviceTable>, ScanError> {
        let Some(window) = self.windows.get(self.next.window) else { return Ok(None) };
        let runs = window.runs.clone();
        self.fill(self.next.window).await?;
        let begin = self.next;
        loop {
            let slices = self.slices(runs.clone(), bytes);
            let one_tile = slices.iter().map(|slice| slice.rows.len()).sum::<usize>() <= TILE_ROWS;
            match self.upload(slices).await {
                Ok(segments) => {
                    self.scan_mut().stats.waves += 1;
                    if self.next.window > begin.window {
                        self.release(begin.window);
                    }
                    return Ok(Some(DeviceTable { shape: self.shape.clone(), segments }));
                }
                Err(error) => {
                    self.next = begin;
                    let refused = matches!(error, ScanError::Device(DeviceError::OutOfMemory { .. }));
                    if !refused || one_tile {
                        return Err(error);
                    }
                    bytes /= 2;
                }
            }
        }
    }

    async fn upload(&self, slices: Vec<Slice>) -> Result<Vec<Segment>, ScanError> {
        let (device, forms) = (Arc::clone(&self.load.device), Arc::clone(&self.forms));
        let names: Vec<Arc<str>> = self.scan().wanted.iter().map(|column| Arc::clone(&column.name)).collect();
        let places = self.places();
        let upload = move || upload(&device, &slices, &names, &forms, &places);
        let uploaded = tokio::task::spawn_blocking(upload).await;
        uploaded.map_err(|error| ScanError::Task(error.to_string()))?
    }

    /// What was done so far.
    pub fn stats(&self) -> LoadStats {
        self.scan().stats
    }

    fn scan(&self) -> &ScanLoad {
        &self.load.scans[0]
    }

    fn scan_mut(&mut self) -> &mut ScanLoad {
        &mut self.load.scans[0]
    }

    /// Where the columns of the table are among those of the load.
    fn places(&self) -> Vec<usize> {
        let scan = self.scan();
        let place = |position: &usize| scan.wanted.iter().position(|column| column.position == *position);
        scan.source.scan.projection.iter().filter_map(place).collect()
    }

    async fn fill(&mut self, window: usize) -> Result<(), ScanError> {
        self.scan_mut().window = self.windows[window].runs.clone();
        self.load.fill().await
    }

    fn held(&self, runs: Range<usize>) -> impl Iterator<Item = &Arc<EncodedChunk>> {
        self.scan().wanted.iter().flat_map(move |column| &column.held[runs.clone()]).flatten()
    }

    /// Lets go of what does not stay.
    fn release(&mut self, window: usize) {
        let Window { runs, kept: false } = &self.windows[window] else { return };
        let runs = runs.clone();
        for column in &mut self.scan_mut().wanted {
            column.held[runs.clone()].fill(None);
        }
    }

    /// The next rows of a window that is held, of about so many bytes; goes on to what follows them.
    fn slices(&mut self, runs: Range<usize>, bytes: u64) -> Vec<Slice> {
        let mut slices = Vec::new();
        let mut left = bytes;
        while self.next.run < runs.len() && (left > 0 || slices.is_empty()) {
            let run = runs.start + self.next.run;
            let scan = self.scan();
            let rows = scan.opened.runs[run].rows;
            let remaps = self.remaps.iter().map(|remaps| Arc::clone(&remaps[run]));
            let held = scan.wanted.iter().zip(remaps);
            let chunks: Vec<_> = held.filter_map(|(column, remap)| Some((column.held[run].clone()?, remap))).collect();
            let a_row = row_bytes(&chunks, &self.forms).max(1);
            let fitting = usize::try_from(left / a_row).unwrap_or(usize::MAX) / TILE_ROWS * TILE_ROWS;
            if fitting == 0 && !slices.is_empty() {
                break;
            }
            let end = self.next.row.saturating_add(fitting.max(TILE_ROWS)).min(rows);
            slices.push(Slice { rows: self.next.row..end, chunks });
            left = left.saturating_sub(a_row * (end - self.next.row) as u64);
            (self.next.run, self.next.row) = if end == rows { (self.next.run + 1, 0) } else { (self.next.run, end) };
        }
        if self.next.run == runs.len() {
            self.next = Place { window: self.next.window + 1, ..Place::default() };
        }
        slices
    }
}

impl Surveyed {
    fn of(chunk: &EncodedChunk) -> Self {
        let facts = if chunk.parts.is_empty() { vec![chunk.facts] } else { chunk.parts.clone() };
        let dictionary = match &chunk.stored {
            Stored::Codes { dictionary, .. } => Some(Arc::clone(dictionary)),
            _ => None,
        };
        Self { facts, dictionary }
    }
}

/// Runs that are read together: at least one.
fn windows_of(scan: &mut ScanLoad) -> Vec<Range<usize>> {
    let mut windows: Vec<Range<usize>> = Vec::new();
    let mut bytes = WINDOW_BYTES;
    for run in 0..scan.opened.runs.len() {
        bytes = bytes.saturating_add(scan.run_bytes(run));
        match windows.last_mut().filter(|_| bytes <= WINDOW_BYTES) {
            Some(last) => last.end = run + 1,
            None => {
                windows.push(run..run + 1);
                bytes = scan.run_bytes(run);
            }
        }
    }
    windows
}

/// What holds for a column in all runs.
fn whole(column: &Column, surveyed: Vec<Surveyed>) -> Result<Whole, ScanError> {
    let dictionaries: Vec<Arc<Dictionary>> = surveyed.iter().filter_map(|run| run.dictionary.clone()).collect();
    let coded = !dictionaries.is_empty();
    let union = Dictionary::union(&dictionaries)
        .map_err(|source| ScanError::Encode { column: column.name.to_string(), source })?;
    let (mut chunks, mut remaps) = (Vec::new(), Vec::with_capacity(surveyed.len()));
    for Surveyed { facts, dictionary } in surveyed {
        let remap = dictionary.map_or(Remap::Identity, |dictionary| Remap::between(&dictionary, &union));
        chunks.extend(facts.into_iter().map(|facts| facts.recoded(&remap)));
        remaps.push(Arc::new(remap));
    }
    let facts = column.facts(&chunks);
    let (stored, form) = match column.target().stored_empty() {
        Stored::Codes { .. } if coded => {
            let width = IntWidth::for_codes(union.len());
            (Stored::Codes { width, dictionary: Arc::clone(&union) }, Form::Codes { width, dictionary: union })
        }
        stored @ Stored::Int { .. } => (stored, Form::Integers { range: facts.range }),
        stored => (stored, Form::Own),
    };
    let meta = ColumnMeta { name: column.name.to_string(), ty: column.ty, stored, facts };
    Ok(Whole { meta, form, remaps })
}

/// Bytes a row of these chunks takes on the device.
fn row_bytes(chunks: &[(Arc<EncodedChunk>, Arc<Remap>)], forms: &[Form]) -> u64 {
    let of = |((chunk, _), form): (&(Arc<EncodedChunk>, Arc<Remap>), &Form)| match (&chunk.stored, form) {
        (Stored::RawText, _) => (chunk.data.len() / chunk.rows.max(1)) as u64 + 1,
        (_, Form::Codes { width, .. }) => width.bytes() as u64 + u64::from(chunk.validity.is_some()),
        (stored, _) => stored.bytes() as u64 + u64::from(chunk.validity.is_some()),
    };
    chunks.iter().zip(forms).map(of).sum()
}

fn upload(
    device: &DeviceHandle,
    slices: &[Slice],
    names: &[Arc<str>],
    forms: &[Form],
    places: &[usize],
) -> Result<Vec<Segment>, ScanError> {
    let stream = device.stream()?;
    let mut segments = Vec::with_capacity(slices.len());
    for slice in slices {
        let mut columns = Vec::with_capacity(slice.chunks.len());
        for (((chunk, remap), name), form) in slice.chunks.iter().zip(names).zip(forms) {
            let chunk = chunk.slice(slice.rows.clone(), form, remap);
            columns.push(upload_chunk(device, &stream, name, &chunk)?.column);
            // The slice does not outlive this, and the copy reads it.
            stream.synchronize()?;
        }
        let columns = places.iter().map(|place| columns[*place].clone()).collect();
        segments.push(Segment { rows: slice.rows.len() as u64, columns });
    }
    Ok(segments)
}
