//! The resident column store: pieces and footers that outlive a query, evicted when memory is needed.
//!
//! A piece belongs to one state of each of its files, most often of one; a file seen in another state loses its old pieces at once. Eviction takes
//! the least recently used piece that no query holds. A query holds pieces by holding their buffers.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use arrow::datatypes::Field;
use hashlink::LinkedHashMap;
use object_store::ObjectMeta;
use object_store::path::Path;
use parking_lot::Mutex;

use super::ParquetScan;
use super::footer::{FileState, Footer};
use super::kept::{KeptRows, Rows, RowsKey, kept_bytes_max};
use super::kept_tables::{KeptTable, KeptTables};
use super::piece::{Piece, PieceKey};
use crate::column::Translations;
use crate::device::DeviceHandle;

/// Host memory that footers may take before the least recently used ones go, in bytes.
const FOOTER_BYTES_MAX: usize = 256 << 20;

/// Columns in device memory, shared by the queries of a device.
#[derive(Debug)]
pub struct ColumnStore {
    /// Device bytes the pieces may take; `None` leaves it to the device's memory budget.
    budget_bytes: Option<u64>,
    /// Rows that small row groups are gathered to.
    segment_rows: usize,
    state: Mutex<State>,
    /// Never locked while `state` is.
    tables: Mutex<KeptTables>,
    translations: Arc<Translations>,
}

/// What a store holds and did. A chunk is one column of one segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColumnStoreStats {
    /// Column chunks held, and their device memory in bytes.
    pub chunks: u64,
    pub bytes: u64,
    /// Files whose footers are held.
    pub files: u64,
    /// Lookups that found, or did not find, their chunk.
    pub hits: u64,
    pub misses: u64,
    /// Chunks evicted for memory, and chunks dropped because their file changed.
    pub evicted: u64,
    pub outdated: u64,
}

#[derive(Debug)]
struct State {
    files: HashMap<FileName, FileEntry>,
    /// Those used longest ago come first.
    pieces: LinkedHashMap<PieceKey, Piece>,
    rows: KeptRows,
    stats: ColumnStoreStats,
    footer_bytes: usize,
    /// Counts uses; larger is more recent.
    clock: u64,
    next_file: u64,
}

/// Store URL and path.
type FileName = (Arc<str>, Path);

#[derive(Debug)]
struct FileEntry {
    footer: Arc<Footer>,
    used: u64,
}

impl ColumnStore {
    /// A store on a device, registered as the one that gives memory back when an allocation would be refused.
    pub fn new(device: &DeviceHandle, budget_bytes: Option<u64>, segment_rows: usize) -> Arc<Self> {
        let state = Mutex::new(State::new(kept_bytes_max(segment_rows)));
        let translations = Arc::new(Translations::new(device.memory().budget_bytes));
        let store = Arc::new(Self { budget_bytes, segment_rows, state, tables: Mutex::default(), translations });
        let weak: Weak<Self> = Arc::downgrade(&store);
        device.set_reclaimer(Box::new(move |bytes| weak.upgrade().map_or(0, |store| store.evict(bytes))));
        store
    }

    pub(crate) fn segment_rows(&self) -> usize {
        self.segment_rows
    }

    pub fn stats(&self) -> ColumnStoreStats {
        let state = self.state.lock();
        ColumnStoreStats { chunks: state.pieces.len() as u64, files: state.files.len() as u64, ..state.stats }
    }

    /// Frees at least `bytes` of device memory if that many are not held by queries; returns the bytes freed.
    pub fn evict(&self, bytes: u64) -> u64 {
        self.drop_tables();
        // What is made again from host memory goes before what would be read again.
        let translations = self.translations.evict(bytes);
        let victims = self.state.lock().evict(bytes.saturating_sub(translations));
        translations + victims.iter().map(Piece::bytes).sum::<u64>() // memory is given back after the lock
    }

    /// What was made of dictionaries of the columns.
    pub fn translations(&self) -> &Arc<Translations> {
        &self.translations
    }

    /// Gives back what exceeds the byte budget: pieces that a query held when they were inserted may be free by now.
    pub(crate) fn trim(&self) {
        let over = |state: &State| self.budget_bytes.map_or(0, |budget| state.stats.bytes.saturating_sub(budget));
        if over(&self.state.lock()) == 0 {
            return;
        }
        self.drop_tables();
        let mut state = self.state.lock();
        let over = over(&state);
        let victims = state.evict(over);
        drop(state);
        drop(victims);
    }

    /// Drops every piece that no query holds, and all footers.
    pub fn clear(&self) {
        self.drop_tables();
        self.translations.evict(u64::MAX);
        let mut state = self.state.lock();
        let victims = state.evict(u64::MAX);
        state.files.clear();
        state.rows.clear();
        state.footer_bytes = 0;
        drop(state);
        drop(victims);
    }

    /// The footer of a file in exactly this state. Pieces of another state of the file are dropped.
    pub(crate) fn footer(&self, url: &Arc<str>, meta: &ObjectMeta) -> Option<Arc<Footer>> {
        let mut state = self.state.lock();
        state.clock += 1;
        let clock = state.clock;
        let name = (Arc::clone(url), meta.location.clone());
        let entry = state.files.get_mut(&name)?;
        if FileState::of(&entry.footer.meta).is(&FileState::of(meta)) {
            entry.used = clock;
            return Some(Arc::clone(&entry.footer));
        }
        let outdated = state.forget(&name);
        drop(state);
        self.gone(outdated);
        None
    }

    /// A number for a state of a file whose footer is about to be read.
    pub(crate) fn next_file(&self) -> u64 {
        let mut state = self.state.lock();
        state.next_file += 1;
        state.next_file
    }

    /// Keeps a footer of `columns`. Where another query was faster, its footer is the one to use.
    pub(crate) fn keep_footer(&self, url: &Arc<str>, mut footer: Footer, columns: &BTreeSet<String>) -> Arc<Footer> {
        let name = (Arc::clone(url), footer.meta.location.clone());
        if let Some(known) = self.footer(url, &footer.meta) {
            if known.covers(columns) {
                return known;
            }
            footer.file = known.file;
        }
        let footer = Arc::new(footer);
        let mut state = self.state.lock();
        state.footer_bytes += footer.host_bytes();
        let used = state.clock;
        if let Some(raced) = state.files.insert(name, FileEntry { footer: Arc::clone(&footer), used }) {
            state.footer_bytes = state.footer_bytes.saturating_sub(raced.footer.host_bytes());
        }
        let outdated = state.trim_footers();
        drop(state);
        self.gone(outdated);
        footer
    }

    /// Forgets a file: its footer and pieces.
    pub(crate) fn forget(&self, url: &Arc<str>, path: &Path) {
        let outdated = self.state.lock().forget(&(Arc::clone(url), path.clone()));
        self.gone(outdated);
    }

    /// The table of a scan that was loaded before and whose files have not changed since, if all of it is still there.
    pub(crate) fn table(&self, scan: &Arc<ParquetScan>) -> Option<KeptTable> {
        let kept = self.tables.lock().get(scan)?;
        let mut state = self.state.lock();
        state.stats.hits += kept.pieces.len() as u64;
        for key in kept.pieces.iter() {
            state.pieces.to_back(key);
        }
        Some(kept)
    }

    pub(crate) fn keep_table(&self, scan: &Arc<ParquetScan>, kept: KeptTable) {
        let replaced = self.tables.lock().keep(scan, kept);
        drop(replaced);
    }

    /// What is kept of tables must not hold what is to be given back.
    fn drop_tables(&self) {
        let tables = std::mem::take(&mut *self.tables.lock());
        drop(tables);
    }

    /// Drops pieces that the store no longer has, and the tables that may have been made of them.
    fn gone(&self, pieces: Vec<Piece>) {
        if !pieces.is_empty() {
            self.drop_tables();
        }
    }

    pub(crate) fn get(&self, key: &PieceKey) -> Option<Piece> {
        let mut state = self.state.lock();
        let found = state.pieces.to_back(key).map(|piece| piece.clone());
        match &found {
            Some(_) => state.stats.hits += 1,
            None => state.stats.misses += 1,
        }
        found
    }

    /// Whether a column of a run is resident, in whichever form.
    pub(crate) fn holds(&self, parts: &Arc<[(u64, usize)]>, field: &Field) -> bool {
        let (parts, column, data_type) = (Arc::clone(parts), field.name().as_str().into(), field.data_type().clone());
        let mut key = PieceKey { parts, column, data_type, raw: false };
        let state = self.state.lock();
        let coded = state.pieces.contains_key(&key);
        key.raw = true;
        coded || state.pieces.contains_key(&key)
    }

    /// The rows of a small row group, where they are kept.
    pub(crate) fn rows(&self, key: &RowsKey) -> Option<Rows> {
        let mut state = self.state.lock();
        state.clock += 1;
        let clock = state.clock;
        state.rows.get(key, clock)
    }

    pub(crate) fn keep_rows(&self, key: RowsKey, rows: Rows) {
        let mut state = self.state.lock();
        state.clock += 1;
        let clock = state.clock;
        state.rows.insert(key, rows, clock);
    }

    /// Keeps a piece, in place of an older form of it.
    pub(crate) fn insert(&self, key: PieceKey, piece: Piece) {
        let mut state = self.state.lock();
        state.stats.bytes += piece.bytes();
        // At the back, also where it was there.
        let replaced = state.pieces.insert(key, piece);
        if let Some(replaced) = &replaced {
            state.stats.bytes -= replaced.bytes();
        }
        drop(state);
        self.gone(replaced.into_iter().collect());
        self.trim();
    }
}

impl State {
    fn new(kept_bytes_max: usize) -> Self {
        Self {
            files: HashMap::new(),
            pieces: LinkedHashMap::new(),
            rows: KeptRows::new(kept_bytes_max),
            stats: ColumnStoreStats::default(),
            footer_bytes: 0,
            clock: 0,
            next_file: 0,
        }
    }

    /// Takes out the least recently used pieces that are not held, until `bytes` are gathered.
    fn evict(&mut self, bytes: u64) -> Vec<Piece> {
        let (mut keys, mut gathered) = (Vec::new(), 0);
        for (key, piece) in self.pieces.iter().filter(|(_, piece)| !piece.is_held()) {
            if gathered >= bytes {
                break;
            }
            gathered += piece.bytes();
            keys.push(key.clone());
        }
        let victims: Vec<Piece> = keys.iter().filter_map(|key| self.pieces.remove(key)).collect();
        self.stats.bytes -= gathered;
        self.stats.evicted += victims.len() as u64;
        victims
    }

    /// Takes out a file's footer and pieces.
    fn forget(&mut self, name: &FileName) -> Vec<Piece> {
        let Some(entry) = self.files.remove(name) else { return vec![] };
        self.footer_bytes = self.footer_bytes.saturating_sub(entry.footer.host_bytes());
        let file = entry.footer.file;
        self.rows.forget(file);
        let of_file = |key: &&PieceKey| key.parts.iter().any(|part| part.0 == file);
        let keys: Vec<PieceKey> = self.pieces.keys().filter(of_file).cloned().collect();
        let pieces: Vec<Piece> = keys.iter().filter_map(|key| self.pieces.remove(key)).collect();
        self.stats.bytes -= pieces.iter().map(Piece::bytes).sum::<u64>();
        self.stats.outdated += pieces.len() as u64;
        pieces
    }

    /// Drops the least recently used footers, and the pieces that could not be found without them.
    fn trim_footers(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while self.footer_bytes > FOOTER_BYTES_MAX && self.files.len() > 1 {
            let oldest = self.files.iter().min_by_key(|(_, entry)| entry.used).map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { break };
            pieces.extend(self.forget(&oldest));
        }
        pieces
    }
}
