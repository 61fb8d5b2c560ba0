//! A scan that does not fit the device: read some runs at a time, encoded on the host, uploaded a wave at a time.
//!
//! What a plan has to know of the whole table (facts, the words of its texts) is found by a survey that reads all of it
//! once. What is encoded stays in host memory, within a bound; what goes is read again when its turn comes. Not here:
//! what a wave is used for (`operators/feed.rs`); which scans are read so (`exec/tables.rs`).

use std::ops::Range;
use std::sync::Arc;

use datafusion::execution::memory_pool::MemoryReservation;

use super::cut::{Block, Cut, Place};
use super::load::Load;
use super::round::ScanLoad;
use super::survey::{Surveyed, whole};
use super::{LoadStats, ScanError};
use crate::column::{DeviceTable, EncodedChunk, Form, Remap, RowBound, TableShape};
use crate::trace::Held;

/// Bytes that runs take once they are encoded, as expected, which are read together: bounds what the host holds besides.
const WINDOW_BYTES: u64 = 64 << 20;

/// One scan, in the order of its runs.
#[derive(Debug)]
pub struct Windows {
    load: Load,
    /// Runs that are read together.
    windows: Vec<Window>,
    /// How runs are cut, once all of them have been seen.
    cut: Cut,
    /// Of each column of the load, run by run: what becomes of its codes, of texts.
    remaps: Vec<Vec<Arc<Remap>>>,
    shape: TableShape,
    /// Chunks that stay in host memory, their bytes at most, and who reserves them.
    held_bytes: usize,
    held_bytes_max: usize,
    reservation: Option<MemoryReservation>,
    /// They, and those of a window that goes.
    held_now: Held,
    /// The window that comes next, and where in it.
    window: usize,
    next: Place,
}

#[derive(Debug)]
struct Window {
    runs: Range<usize>,
    /// Its chunks stay.
    kept: bool,
}

impl Windows {
    /// Of a load of one scan.
    pub(crate) fn new(mut load: Load) -> Self {
        let mut windows = Vec::new();
        for scan in &mut load.scans {
            scan.holds = true;
            scan.for_waves();
            windows.extend(windows_of(scan).into_iter().map(|runs| Window { runs, kept: false }));
            // What is resident serves other queries as long as there is room for it.
            scan.wanted.iter_mut().for_each(|column| column.pieces.fill(None));
            scan.source.note(|stats| stats.columns_resident = 0);
        }
        let shape = TableShape { columns: vec![], rows: RowBound::Exact(0) };
        let trace = load.scans.first().map(|scan| Arc::clone(&scan.source.trace)).unwrap_or_default();
        let held_now = trace.hold(0);
        let cut = Cut { names: Arc::new([]), forms: Arc::new([]), places: Arc::new([]), trace };
        let (remaps, held_bytes, held_bytes_max, reservation) = (vec![], 0, 0, None);
        let (window, next) = (0, Place::default());
        Self { load, windows, cut, remaps, shape, held_bytes, held_bytes_max, reservation, held_now, window, next }
    }

    /// May leave so many bytes of encoded chunks in host memory, as far as they can be reserved.
    #[must_use]
    pub fn keeping(self, bytes: u64, reservation: MemoryReservation) -> Self {
        let held_bytes_max = usize::try_from(bytes).unwrap_or(usize::MAX);
        Self { held_bytes_max, reservation: Some(reservation), ..self }
    }

    /// Reads all of the table once, so that its shape is true of every row.
    ///
    /// # Errors
    /// A file that is gone, changed or corrupt; a column that has no form.
    pub async fn survey(&mut self) -> Result<(), ScanError> {
        let columns = self.scan().wanted.len();
        let mut surveyed: Vec<Vec<Surveyed>> = (0..columns).map(|_| Vec::new()).collect();
        for window in 0..self.windows.len() {
            self.fill(window).await?;
            let runs = self.windows[window].runs.clone();
            for (column, of_column) in self.scan().wanted.iter().zip(&mut surveyed) {
                of_column.extend(column.held[runs.clone()].iter().flatten().map(|chunk| Surveyed::of(chunk)));
            }
            let bytes: usize = self.held(runs).map(|chunk| chunk.bytes()).sum();
            let is_reserved = |reservation: &MemoryReservation| reservation.try_grow(bytes).is_ok();
            if self.held_bytes + bytes <= self.held_bytes_max && self.reservation.as_ref().is_some_and(is_reserved) {
                self.held_bytes += bytes;
                self.windows[window].kept = true;
            }
            self.release(window);
        }
        let found = self.scan().wanted.iter().zip(surveyed);
        let found = found.map(|(column, surveyed)| {
            whole((&column.name, column.ty), surveyed, |chunks| column.facts(chunks), |_| column.target())
        });
        let found = found.collect::<Result<Vec<_>, _>>()?;
        let scan = self.scan();
        let meta = |position: &usize| {
            let at = scan.wanted.iter().position(|column| column.position == *position)?;
            found.get(at).map(|whole| whole.meta.clone())
        };
        let rows = RowBound::Exact(scan.opened.runs.iter().map(|run| run.rows as u64).sum());
        self.shape = TableShape { columns: scan.source.scan.projection.iter().filter_map(meta).collect(), rows };
        let (forms, remaps): (Vec<Form>, Vec<_>) = found.into_iter().map(|whole| (whole.form, whole.remaps)).unzip();
        let names = self.scan().wanted.iter().map(|column| Arc::clone(&column.name)).collect();
        let trace = Arc::clone(&self.cut.trace);
        self.cut = Cut { names, forms: forms.into(), places: self.places(), trace };
        self.remaps = remaps;
        let columns_raw = self.scan().wanted.iter().filter(|column| column.raw).count() as u64;
        self.scan().source.note(|stats| stats.columns_raw = columns_raw);
        Ok(())
    }

    /// What holds for every row, once it was surveyed.
    pub fn shape(&self) -> &TableShape {
        &self.shape
    }

    /// Whether at least half of its rows stay encoded on the host, once it was surveyed: the others are decoded anew each time.
    pub fn is_kept(&self) -> bool {
        let rows =
            |window: &Window| self.scan().opened.runs[window.runs.clone()].iter().map(|run| run.rows).sum::<usize>();
        let kept: usize = self.windows.iter().filter(|window| window.kept).map(rows).sum();
        let all: usize = self.windows.iter().map(rows).sum();
        kept * 2 >= all
    }

    /// From the first row again.
    pub fn rewind(&mut self) {
        (self.window, self.next) = (0, Place::default());
    }

    /// The next rows, of about so many bytes, on the device; `None` at the end. Where there is no room for so many, fewer.
    ///
    /// # Errors
    /// As for a survey; no room on the device for a tile, and then the same rows come next.
    pub async fn next(&mut self, bytes: u64) -> Result<Option<DeviceTable>, ScanError> {
        let Some(window) = self.windows.get(self.window) else { return Ok(None) };
        let runs = window.runs.clone();
        self.fill(self.window).await?;
        let blocks: Vec<Block> = runs.map(|run| self.block(run)).collect();
        let segments = self.cut.wave(&self.load.device, &blocks, &mut self.next, bytes).await?;
        self.scan().source.note(|stats| stats.waves += 1);
        if self.next.block == blocks.len() {
            self.release(self.window);
            (self.window, self.next) = (self.window + 1, Place::default());
        }
        Ok(Some(DeviceTable::new(self.shape.clone(), segments)))
    }

    /// A run that is held.
    fn block(&self, run: usize) -> Block {
        let remaps = self.remaps.iter().map(|remaps| Arc::clone(&remaps[run]));
        let held = self.scan().wanted.iter().zip(remaps);
        let chunks = held.filter_map(|(column, remap)| Some((column.held[run].clone()?, remap))).collect();
        Block { rows: self.scan().opened.runs[run].rows, chunks }
    }

    /// What was done so far.
    pub fn stats(&self) -> LoadStats {
        *self.scan().source.stats().lock()
    }

    fn scan(&self) -> &ScanLoad {
        &self.load.scans[0]
    }

    fn scan_mut(&mut self) -> &mut ScanLoad {
        &mut self.load.scans[0]
    }

    /// Where the columns of the table are among those of the load.
    fn places(&self) -> Arc<[usize]> {
        let scan = self.scan();
        let place = |position: &usize| scan.wanted.iter().position(|column| column.position == *position);
        scan.source.scan.projection.iter().filter_map(place).collect()
    }

    async fn fill(&mut self, window: usize) -> Result<(), ScanError> {
        let Window { runs, kept } = &self.windows[window];
        let (runs, kept) = (runs.clone(), *kept);
        self.scan_mut().window = runs.clone();
        self.load.fill().await?;
        let passing: usize = if kept { 0 } else { self.held(runs).map(|chunk| chunk.bytes()).sum() };
        self.held_now.set((self.held_bytes + passing) as u64);
        Ok(())
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
        self.held_now.set(self.held_bytes as u64);
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
