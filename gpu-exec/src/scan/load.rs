//! Loading the scans of a query, all at once: what is resident is used, what is missing is fetched, and every column
//! comes out in one form.
//!
//! Scans wait in their order for threads and memory, which is the order of their use: what a join builds from comes
//! before what probes it. Not here: the form of a column (`column.rs`), laying columns side by side (`assemble.rs`).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use object_store::ObjectStore;

use super::assemble::Assembly;
use super::column::{Column, plan_columns};
use super::expect::expected_shape;
use super::fetch::{ChunkTask, Fetched, GroupTask, Place, fetch};
use super::footer::Footer;
use super::open::{Opened, open, unchanged};
use super::piece::{Piece, PieceKey};
use super::read::ColumnRead;
use super::{ColumnStore, LoadStats, ParquetScan, ScanError};
use crate::column::{DeviceTable, LayoutMiss, TableShape, Target, full_layout};
use crate::device::DeviceHandle;

/// A scan in device memory.
#[derive(Debug)]
pub struct Loaded {
    /// Columns in the order of the projection; one segment a row group that is not pruned.
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
}

impl Source {
    pub fn new(scan: Arc<ParquetScan>, objects: Arc<dyn ObjectStore>) -> Self {
        let url = scan.store_url.as_str().into();
        Self { scan, objects, url }
    }

    /// The same error with paths as the user writes them.
    pub(crate) fn named(&self, error: ScanError) -> ScanError {
        error.within(&self.scan.store_url)
    }
}

/// The scans of a query while they are being loaded. Dropping it stops the work soon; what it had loaded by then is
/// given back.
#[derive(Debug)]
pub struct Load {
    device: Arc<DeviceHandle>,
    columns: Arc<ColumnStore>,
    scans: Vec<ScanLoad>,
    /// Files that something was read of.
    touched: Vec<(Arc<Source>, Arc<Footer>)>,
    /// Pieces that were read, for all scans that want them.
    fresh: HashMap<PieceKey, Piece>,
}

/// One scan of a load.
#[derive(Debug)]
pub(crate) struct ScanLoad {
    pub(crate) source: Arc<Source>,
    pub(crate) opened: Opened,
    pub(crate) wanted: Vec<Column>,
    pub(crate) stats: LoadStats,
    /// How each file gives each column, decided once.
    reads: HashMap<(u64, usize), Arc<ColumnRead>>,
}

impl Load {
    /// Opens the files of scans, which are read as they are now, whatever was listed when the query was planned; takes
    /// the columns that are resident.
    ///
    /// # Errors
    /// A file that is gone or corrupt; a column with no stored form.
    pub async fn open(
        device: &Arc<DeviceHandle>,
        columns: &Arc<ColumnStore>,
        sources: Vec<Source>,
    ) -> Result<Self, ScanError> {
        let sources: Vec<Arc<Source>> = sources.into_iter().map(Arc::new).collect();
        let opened = open(columns, &sources).await?;
        let mut scans = Vec::with_capacity(sources.len());
        for (source, (opened, mut stats)) in sources.into_iter().zip(opened) {
            let wanted = plan_columns(columns, &source.scan, &opened)?;
            stats.columns_resident = wanted.iter().flat_map(|column| &column.pieces).flatten().count() as u64;
            scans.push(ScanLoad { source, opened, wanted, stats, reads: HashMap::new() });
        }
        columns.trim(); // now, as what this query needs is held
        let (device, columns) = (Arc::clone(device), Arc::clone(columns));
        Ok(Self { device, columns, scans, touched: vec![], fresh: HashMap::new() })
    }

    /// Whether there is nothing to read.
    pub fn is_resident(&self) -> bool {
        let mut pieces = self.scans.iter().flat_map(|scan| &scan.wanted).flat_map(|column| &column.pieces);
        pieces.all(Option::is_some)
    }

    /// The shapes that the tables will have if footers are right; `None` where footers do not say enough.
    pub fn expected(&self) -> Option<Vec<TableShape>> {
        self.scans.iter().map(|scan| expected_shape(&scan.source.scan, &scan.opened, &scan.wanted)).collect()
    }

    /// Reads what is missing. The tables come in the order of the scans.
    ///
    /// # Errors
    /// A file that is gone, changed or corrupt; no room on the device.
    pub async fn finish(mut self) -> Result<Vec<Loaded>, ScanError> {
        loop {
            let tasks = self.missing()?;
            if tasks.is_empty() {
                break;
            }
            match fetch(&self.device, tasks).await {
                Ok(fetched) => self.take(fetched)?,
                // Bytes that make no sense are what a file replaced under our hands looks like.
                Err(error @ ScanError::Corrupt { .. }) => {
                    unchanged(&self.columns, &self.touched).await?;
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        unchanged(&self.columns, &self.touched).await?;
        // Only now: what was read of a changing file must not serve another query.
        for (key, piece) in &self.fresh {
            self.columns.insert(key.clone(), piece.clone());
        }
        // Merging dictionaries is work for a processor: it does not belong on the threads that wait for files.
        let assembled = tokio::task::spawn_blocking(move || self.assemble());
        assembled.await.map_err(|error| ScanError::Task(error.to_string()))?
    }

    fn assemble(self) -> Result<Vec<Loaded>, ScanError> {
        let stream = self.device.stream()?;
        let mut assembly = Assembly { device: &self.device, stream: &stream, store: &self.columns, fresh: self.fresh };
        self.scans.into_iter().map(|scan| assembly.table(scan)).collect()
    }

    /// The chunks still to read, by row group. What several scans want is read once.
    fn missing(&mut self) -> Result<Vec<GroupTask>, ScanError> {
        let mut tasks = Vec::new();
        let mut claimed = HashSet::new();
        for (number, scan) in self.scans.iter_mut().enumerate() {
            for index in 0..scan.opened.groups.len() {
                let mut chunks = Vec::new();
                for at in 0..scan.wanted.len() {
                    let column = &mut scan.wanted[at];
                    if column.pieces[index].is_some() {
                        continue;
                    }
                    let key = column.key(&scan.opened.groups[index]);
                    let known = self.fresh.get(&key).filter(|piece| piece.layout() == column.layout);
                    if let Some(piece) = known {
                        column.pieces[index] = Some(piece.clone());
                        scan.stats.columns_resident += 1;
                    } else if claimed.insert((key, column.layout)) {
                        chunks.push(scan.chunk(index, at)?);
                    }
                }
                if !chunks.is_empty() {
                    tasks.push(scan.task(number, index, chunks));
                }
            }
        }
        self.touched.extend(tasks.iter().map(|task| (Arc::clone(&task.source), Arc::clone(&task.group.footer))));
        self.touched.sort_by_key(|(_, footer)| footer.file);
        self.touched.dedup_by_key(|(_, footer)| footer.file);
        Ok(tasks)
    }

    /// Puts fetched pieces in their places and widens the columns that missed their layout.
    fn take(&mut self, fetched: Vec<Fetched>) -> Result<(), ScanError> {
        let mut missed: HashMap<(usize, usize), LayoutMiss> = HashMap::new();
        for fetched in fetched {
            let Place { scan: number, index } = fetched.place;
            let scan = &mut self.scans[number];
            scan.stats.file_bytes_read += fetched.file_bytes;
            scan.stats.decoded_bytes += fetched.decoded_bytes;
            scan.stats.decode_ms += fetched.decode.as_secs_f64() * 1e3;
            scan.stats.upload_ms += fetched.upload.as_secs_f64() * 1e3;
            scan.stats.columns_loaded += 1;
            let column = &mut scan.wanted[fetched.column];
            match fetched.outcome {
                Ok(piece) => {
                    self.fresh.insert(column.key(&scan.opened.groups[index]), piece.clone());
                    column.pieces[index] = Some(piece);
                }
                Err(miss) => drop(missed.insert((number, fetched.column), miss)),
            }
        }
        for ((scan, column), miss) in missed {
            let scan = &mut self.scans[scan];
            let column = &mut scan.wanted[column];
            let full = full_layout(column.ty);
            if column.layout == full {
                return Err(ScanError::Encode { column: column.name.to_string(), source: miss.into() });
            }
            scan.stats.layout_misses += 1;
            column.set_layout(full);
        }
        Ok(())
    }
}

impl ScanLoad {
    fn chunk(&mut self, index: usize, at: usize) -> Result<ChunkTask, ScanError> {
        let (group, column) = (&self.opened.groups[index], &self.wanted[at]);
        let key = (group.footer.file, at);
        let read = match self.reads.get(&key) {
            Some(read) => Arc::clone(read),
            None => {
                let read = ColumnRead::plan(&group.footer, &column.field, column.raw);
                Arc::new(read.map_err(|error| self.source.named(error))?)
            }
        };
        self.reads.insert(key, Arc::clone(&read));
        let plain = match (&*read, column.target()) {
            (ColumnRead::Leaf(leaf), Target::Text) => group.footer.is_plain(group.row_group, leaf.leaf),
            _ => false,
        };
        // As far as the footer tells.
        self.stats.text_hashed += u64::from(plain);
        let (name, target, filler) = (Arc::clone(&column.name), column.target(), column.filler);
        Ok(ChunkTask { column: at, name, read, target, filler })
    }

    fn task(&self, scan: usize, index: usize, chunks: Vec<ChunkTask>) -> GroupTask {
        let group = self.opened.groups[index].clone();
        GroupTask { source: Arc::clone(&self.source), place: Place { scan, index }, group, chunks }
    }
}
