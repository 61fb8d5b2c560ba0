//! Loading the scans of a query, all at once: what is resident is used, what is missing is fetched, and every column
//! comes out in one form.
//!
//! Scans wait in their order for threads and memory, which is the order of their use: what a join builds from comes
//! before what probes it. Loading goes in rounds: what is missing is read, runs whose row groups have been read are
//! gathered, what missed its layout is done again. Not here: what a round consists of (`round.rs`), the form of a column
//! (`column.rs`), laying columns side by side (`assemble.rs`).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use object_store::ObjectStore;
use parking_lot::Mutex;

use super::arrival::{Arrival, Arriving};
use super::assemble::Assembly;
use super::expect::Expected;
use super::fetch::{Fetched, Fetching, Outcome, Place};
use super::footer::{Footer, columns_of};
use super::footers::Footers;
use super::gather::GatherTask;
use super::kept::{Rows, RowsKey, host_bytes, kept_bytes_max};
use super::kept_tables::KeptTable;
use super::listed::{Listed, States};
use super::open::{open, unchanged};
use super::piece::{Piece, PieceKey};
use super::pinned::is_pinned;
use super::round::{Round, ScanLoad, There, Waiting, Wanted};
use super::windows::Windows;
use super::words::{Words, WordsAhead, decided};
use super::{ColumnStore, LoadStats, ParquetScan, ScanError};
use crate::column::{DeviceTable, LayoutMiss, full_layout};
use crate::device::DeviceHandle;
use crate::trace::{Held, Trace, Work};

/// A scan in device memory.
#[derive(Debug)]
pub struct Loaded {
    /// Columns in the order of the projection; one segment a run of row groups that are not pruned.
    pub table: DeviceTable,
    pub stats: LoadStats,
}

/// A scan and the store of its files.
#[derive(Debug)]
pub struct Source {
    pub(crate) scan: Arc<ParquetScan>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// Of the store.
    pub(crate) url: Arc<str>,
    pub(crate) footers: Arc<Footers>,
    /// The columns of its files that matter.
    pub(crate) columns: BTreeSet<String>,
    pub(crate) trace: Arc<Trace>,
    /// What was done so far.
    stats: Arc<Mutex<LoadStats>>,
}

impl Source {
    pub fn new(scan: Arc<ParquetScan>, objects: Arc<dyn ObjectStore>) -> Self {
        let (url, columns) = (scan.store_url.as_str().into(), columns_of(&scan));
        let (footers, trace, stats) = Default::default();
        Self { scan, objects, url, footers, columns, trace, stats }
    }

    /// The same, with footers that others may have read.
    #[must_use]
    pub fn sharing(self, footers: Arc<Footers>) -> Self {
        Self { footers, ..self }
    }

    /// The same, with its work in the trace of a query.
    #[must_use]
    pub fn traced(self, trace: Arc<Trace>) -> Self {
        Self { trace, ..self }
    }

    /// What its load has done so far, for whoever wants to know.
    pub fn stats(&self) -> &Arc<Mutex<LoadStats>> {
        &self.stats
    }

    /// Adds to what was done.
    pub(crate) fn note(&self, done: impl FnOnce(&mut LoadStats)) {
        done(&mut self.stats.lock());
    }

    /// The same error with paths as the user writes them. A file that is not what it was known as is known no more.
    pub(crate) fn named(&self, error: ScanError) -> ScanError {
        if let Some(path) = error.outdated() {
            self.footers.forget(&self.url, &path);
        }
        error.within(&self.scan.store_url)
    }
}

/// The scans of a query while they are being loaded. Dropping it stops the work soon; what it had loaded by then is
/// given back.
#[derive(Debug)]
pub struct Load {
    pub(crate) device: Arc<DeviceHandle>,
    columns: Arc<ColumnStore>,
    pub(crate) scans: Vec<ScanLoad>,
    /// Files that something was read of, in a state that is still to be asked for.
    touched: Vec<(Arc<Source>, Arc<Footer>)>,
    /// Pieces that were read, for all scans that want them.
    fresh: HashMap<PieceKey, Piece>,
    /// Small row groups that runs are gathered from, and the memory they take.
    rows: HashMap<RowsKey, Rows>,
    rows_held: Option<Held>,
    /// Who else wants what is being read.
    waiting: Waiting,
    /// As of [`Round`].
    gatherable: HashMap<Wanted, usize>,
    /// Columns of scans that missed their layout, to be read anew.
    missed: HashMap<(usize, usize), LayoutMiss>,
}

impl Load {
    /// Opens the files of scans; takes the columns that are resident. Files are read in the state that the statement has
    /// `listed`, all others as they are now, whatever was listed when the query was planned.
    ///
    /// # Errors
    /// A file that is gone, changed or corrupt; a column with no stored form.
    pub async fn open(
        device: &Arc<DeviceHandle>,
        columns: &Arc<ColumnStore>,
        sources: Vec<Source>,
        listed: Option<&Listed>,
    ) -> Result<Self, ScanError> {
        let sources: Vec<Arc<Source>> = sources.into_iter().map(Arc::new).collect();
        let listings = listed.map(Listed::listings).unwrap_or_default();
        let opened = open(columns, &sources, &States::of(&listings)).await?;
        let mut scans = Vec::with_capacity(sources.len());
        for (source, opened) in sources.into_iter().zip(opened) {
            scans.push(ScanLoad::new(columns, source, opened)?);
        }
        columns.trim(); // now, as what this query needs is held
        let (device, columns) = (Arc::clone(device), Arc::clone(columns));
        Ok(Self::of(device, columns, scans))
    }

    fn of(device: Arc<DeviceHandle>, columns: Arc<ColumnStore>, scans: Vec<ScanLoad>) -> Self {
        let rows_held = scans.first().map(|scan| scan.source.trace.hold(0));
        let (touched, fresh, rows, waiting, gatherable, missed) = Default::default();
        Self { device, columns, scans, touched, fresh, rows, rows_held, waiting, gatherable, missed }
    }

    /// The tables of scans that were loaded before, where the statement has listed all their files as they were then and
    /// all of them are still there: nothing is looked at.
    pub fn kept(columns: &ColumnStore, sources: &[Source], listed: &Listed) -> Option<Vec<Loaded>> {
        let listings = listed.listings();
        let states = States::of(&listings);
        let table = |source: &Source| {
            let same = source.scan.files.iter().all(|file| states.has(&source.url, file));
            let KeptTable { table, stats, .. } = same.then(|| columns.table(&source.scan)).flatten()?;
            Some(Loaded { table, stats })
        };
        sources.iter().map(table).collect()
    }

    /// Whether there is nothing to read.
    pub fn is_resident(&self) -> bool {
        let mut pieces = self.scans.iter().flat_map(|scan| &scan.wanted).flat_map(|column| &column.pieces);
        pieces.all(Option::is_some)
    }

    /// What is being done for each scan.
    pub fn stats(&self) -> Vec<Arc<Mutex<LoadStats>>> {
        self.scans.iter().map(|scan| Arc::clone(scan.source.stats())).collect()
    }

    /// Has its segments handed on as they come. `None` where there is nothing to wait for, and where only rows tell what
    /// the tables will be; it may still be finished then.
    ///
    /// # Errors
    /// A column that a file does not have as it should.
    pub fn hand_on(&mut self) -> Result<Option<Expectation>, ScanError> {
        let expected = |scan: &ScanLoad| Expected::of(&scan.source.scan, &scan.opened, &scan.wanted);
        let Some(expected) = self.scans.iter().map(expected).collect::<Option<Vec<_>>>() else { return Ok(None) };
        if self.is_resident() {
            return Ok(None);
        }
        let bytes = self.scans.iter_mut().map(ScanLoad::bytes_to_read).sum::<Result<u64, _>>()?;
        let Some(words) = WordsAhead::of(&mut self.scans, bytes)? else { return Ok(None) };
        let mut arrivals = Vec::with_capacity(expected.len());
        for (scan, expected) in self.scans.iter_mut().zip(expected) {
            scan.refill(&expected);
            let words_of = scan.wanted.iter().map(|column| column.words.clone()).collect();
            let arrival = Arc::new(Arrival::new(expected, scan.source.stats()));
            scan.arriving = Some(Arriving(Arc::clone(&arrival)));
            arrivals.push((arrival, words_of));
        }
        Ok(Some(Expectation { words, arrivals }))
    }

    /// Reads what is missing. The tables come in the order of the scans.
    ///
    /// # Errors
    /// A file that is gone, changed or corrupt; no room on the device.
    pub async fn finish(mut self) -> Result<Vec<Loaded>, ScanError> {
        self.fill().await?;
        // Merging dictionaries is work for a processor: it does not belong on the threads that wait for files.
        let assembled = tokio::task::spawn_blocking(move || self.assemble());
        assembled.await.map_err(|error| ScanError::Task(error.to_string()))?
    }

    /// Reads what is missing of the runs that are being loaded.
    pub(crate) async fn fill(&mut self) -> Result<(), ScanError> {
        loop {
            let Round { tasks, gathers, waiting, gatherable } = self.missing()?;
            self.scans.iter().for_each(ScanLoad::hand_on_all);
            if tasks.is_empty() && gathers.is_empty() {
                break;
            }
            (self.waiting, self.gatherable) = (waiting, gatherable);
            let mut fetching = Fetching::new(&self.device, tasks);
            gathers.into_iter().for_each(|task| fetching.gather(task));
            loop {
                match fetching.next().await {
                    Ok(None) => break,
                    Ok(Some(fetched)) => {
                        for fetched in fetched {
                            self.take(fetched)?.into_iter().for_each(|task| fetching.gather(task));
                        }
                    }
                    // Bytes that make no sense are what a file replaced under our hands looks like.
                    Err(error @ ScanError::Corrupt { .. }) => {
                        unchanged(&self.columns, &self.touched).await?;
                        return Err(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            self.widen()?;
            self.trim_rows();
        }
        unchanged(&self.columns, &std::mem::take(&mut self.touched)).await?;
        // Only now: what was read of a changing file must not serve another query.
        for (key, piece) in &self.fresh {
            self.columns.insert(key.clone(), piece.clone());
        }
        for (key, rows) in self.rows.drain() {
            self.columns.keep_rows(key, rows);
        }
        self.rows_held.iter().for_each(|held| held.set(0));
        Ok(())
    }

    /// Each scan by itself, to be loaded when its turn comes, a part at a time.
    pub fn in_windows(self) -> Vec<Windows> {
        let alone = |scan| {
            let (device, columns) = (Arc::clone(&self.device), Arc::clone(&self.columns));
            Self::of(device, columns, vec![scan])
        };
        self.scans.into_iter().map(alone).map(Windows::new).collect()
    }

    /// About how much device memory the tables will take, in bytes.
    pub fn device_bytes(&mut self) -> u64 {
        self.scans.iter_mut().map(ScanLoad::device_bytes).sum()
    }

    fn assemble(self) -> Result<Vec<Loaded>, ScanError> {
        let trace = self.scans.first().map(|scan| Arc::clone(&scan.source.trace));
        let _span = trace.as_ref().map(|trace| trace.span(Work::Decode));
        let mut assembly = Assembly { device: &self.device, store: &self.columns, fresh: self.fresh };
        self.scans.into_iter().map(|scan| assembly.table(scan)).collect()
    }

    /// What is still to be done.
    fn missing(&mut self) -> Result<Round, ScanError> {
        let there = There { store: &self.columns, fresh: &self.fresh, rows: &mut self.rows };
        let round = Round::of(&mut self.scans, there)?;
        let unproven = round.tasks.iter().filter(|task| !is_pinned(&task.source.url, &task.group.footer.meta));
        let read = unproven.map(|task| (Arc::clone(&task.source), Arc::clone(&task.group.footer)));
        self.touched.extend(read);
        self.touched.sort_by_key(|(_, footer)| footer.file);
        self.touched.dedup_by_key(|(_, footer)| footer.file);
        Ok(round)
    }

    /// Lets go of row groups that have been gathered, where they are more than are kept: a column that misses its layout
    /// then, or a query over other files, reads them again.
    fn trim_rows(&mut self) {
        let bytes: usize = self.rows.values().map(host_bytes).sum();
        self.rows_held.iter().for_each(|held| held.set(bytes as u64));
        if bytes > kept_bytes_max(self.columns.segment_rows()) {
            let waiting: HashSet<RowsKey> = self.scans.iter().flat_map(ScanLoad::waiting).collect();
            self.rows.retain(|key, _| waiting.contains(key));
        }
    }

    /// Puts what was fetched in its place, and hands on what is complete by it; what can be gathered now.
    fn take(&mut self, fetched: Fetched) -> Result<Option<GatherTask>, ScanError> {
        let Place { scan: number, run, part } = fetched.place;
        let scan = &mut self.scans[number];
        let column = &mut scan.wanted[fetched.column];
        let run_read = &scan.opened.runs[run];
        match fetched.outcome {
            Outcome::Piece(piece) => {
                let key = column.key(run_read);
                let others = self.waiting.remove(&(key.clone(), piece.layout())).unwrap_or_default();
                self.fresh.insert(key, piece.clone());
                self.place((number, fetched.column, run), &piece);
                for other in others {
                    self.place(other, &piece);
                    let Self { scans, .. } = self;
                    let groups = scans[other.0].opened.runs[other.2].groups.len() as u64;
                    scans[other.0].source.note(|stats| stats.columns_resident += groups);
                }
            }
            Outcome::Held(chunk) => column.held[run] = Some(chunk),
            Outcome::Rows(rows) => {
                self.rows.insert(column.rows_key(&run_read.groups[part]), rows);
                let wanted = (number, fetched.column, run);
                let left = self.gatherable.get_mut(&wanted).map_or(1, |left| {
                    *left -= 1;
                    *left
                });
                let there = There { store: &self.columns, fresh: &self.fresh, rows: &mut self.rows };
                return if left == 0 { self.scans[number].gatherable(wanted, there) } else { Ok(None) };
            }
            Outcome::Miss(miss) => drop(self.missed.insert((number, fetched.column), miss)),
        }
        Ok(None)
    }

    fn place(&mut self, (scan, column, run): Wanted, piece: &Piece) {
        let scan = &mut self.scans[scan];
        scan.wanted[column].pieces[run] = Some(piece.clone());
        scan.hand_on(run);
    }

    /// Widens the columns that missed their layout.
    fn widen(&mut self) -> Result<(), ScanError> {
        for ((scan, column), miss) in std::mem::take(&mut self.missed) {
            let scan = &mut self.scans[scan];
            let column = &mut scan.wanted[column];
            let full = full_layout(column.ty);
            if column.layout == full {
                return Err(ScanError::Encode { column: column.name.to_string(), source: miss.into() });
            }
            scan.source.note(|stats| stats.layout_misses += 1);
            column.set_layout(full);
            scan.arriving.iter().for_each(|Arriving(arrival)| arrival.miss());
        }
        Ok(())
    }
}

/// What the tables of a load will be, soon.
#[derive(Debug)]
pub struct Expectation {
    words: WordsAhead,
    arrivals: Vec<(Arc<Arrival>, Vec<Option<Words>>)>,
}

impl Expectation {
    /// The tables as they come, with their shapes, while the load goes on; `None` where some text's words are not known before its rows.
    pub async fn decided(self) -> Option<Vec<Arc<Arrival>>> {
        self.words.read().await;
        let mut decided_all = Vec::with_capacity(self.arrivals.len());
        for (arrival, columns) in self.arrivals {
            let mut words = Vec::with_capacity(columns.len());
            for column in &columns {
                words.push(match column {
                    Some(column) => Some(decided(column).await?),
                    None => None,
                });
            }
            arrival.expect(arrival.expected().shape(&words));
            decided_all.push(arrival);
        }
        Some(decided_all)
    }
}
