//! Footers that were read, for all who ask for them: the planner, the host's scans and the device's. One read of a file's
//! end each, while it does not change.
//!
//! Kept are the ends of files, packed, and what was parsed of them: all of a usual footer, of a wide one the columns that
//! were asked for. Both within a bound; what was used longest ago goes first. Not here: what is on a device
//! (`store.rs`), what is in doubt in a footer (`truth.rs`).

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::common::ColumnStatistics;
use hashlink::LinkedHashMap;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use parking_lot::Mutex;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use super::bounded::Bounded;
use super::footer::guarded;
use super::narrow::{WHOLE_COLUMNS_MAX, narrowed};
use super::tail::{self, Model, Read, TAIL_BYTES, Tail, in_background, page_index, parsed, read_footer};
use super::truth::{MissingNullCount, truthful};
use super::{ScanError, closed, pinned};
use crate::trace::{Trace, Work};

/// Host memory that ends of files may take, in bytes.
const TAILS_BYTES_MAX: usize = 256 << 20;
/// Host memory that parsed footers may take, in bytes.
const PARSED_BYTES_MAX: usize = 128 << 20;
/// Folders whose files' footers are known to be long.
const FOLDERS_MAX: usize = 1024;
/// Folders whose files' ends are packed by one of them; each such takes some MiB.
const MODELS_MAX: usize = 16;
/// Schemas that other files may have.
const SCHEMAS_MAX: usize = 16;
/// A footer is guessed to be this much longer than the longest of its folder, in eighths.
const GUESS_EIGHTHS: u64 = 10;

/// The footers of a process, or of those who share them.
#[derive(Default)]
pub struct Footers {
    tails: Mutex<Bounded<Tail>>,
    parsed: Mutex<Bounded<Parsed>>,
    /// The longest footer of a folder, where one read was too short for it.
    long: Mutex<LinkedHashMap<FileName, u64>>,
    /// A long footer of each folder, by which the others are packed.
    models: Mutex<LinkedHashMap<FileName, Arc<Model>>>,
    /// Of files that were read last: most are alike.
    schemas: Mutex<VecDeque<SchemaRef>>,
}

/// How much is kept of one kind: of how many files, in how much host memory, and the most that this may be.
#[derive(Clone, Copy, Debug)]
pub struct FootersKept {
    pub files: u64,
    pub bytes: u64,
    pub bytes_max: u64,
}

/// A file in one state, and where it is.
#[derive(Clone, Copy, Debug)]
pub struct FileAt<'a> {
    pub store: &'a dyn ObjectStore,
    /// Of the store.
    pub url: &'a Arc<str>,
    pub meta: &'a ObjectMeta,
    /// Of the query that asks.
    pub trace: Option<&'a Trace>,
}

/// A parsed footer without what is in doubt in it: of all columns, or of those that were asked for.
#[derive(Debug)]
pub struct Parsed {
    pub metadata: Arc<ParquetMetaData>,
    /// The file's own, of these columns.
    pub schema: SchemaRef,
    /// `None` is all.
    columns: Option<BTreeSet<String>>,
    facts: Mutex<HashMap<(String, DataType), ColumnStatistics>>,
    for_host: Mutex<Option<Arc<ParquetMetaData>>>,
    /// The schema of all columns, for the first who asks for it.
    whole: Mutex<Option<SchemaRef>>,
}

/// Store URL and path.
pub(super) type FileName = (Arc<str>, Path);

impl Footers {
    /// The footer of a file, of `columns` at least, or of all; also the number of bytes read for it.
    ///
    /// # Errors
    /// `Corrupt` where it is no footer of a Parquet file; those of the store.
    pub async fn footer(
        &self,
        file: FileAt<'_>,
        columns: Option<&BTreeSet<String>>,
    ) -> Result<(Arc<Parsed>, u64), ScanError> {
        self.footer_of(file, columns, None).await
    }

    /// The same, of a file whose end was read already where that is `Some`.
    pub(super) async fn footer_of(
        &self,
        file: FileAt<'_>,
        columns: Option<&BTreeSet<String>>,
        end: Option<Bytes>,
    ) -> Result<(Arc<Parsed>, u64), ScanError> {
        let name = (Arc::clone(file.url), file.meta.location.clone());
        let known = self.parsed.lock().get(&name, file.meta);
        if let Some(known) = known.as_ref().filter(|known| known.covers(columns)) {
            return closed::check(&known.metadata, columns, file.meta).map(|()| (Arc::clone(known), 0));
        }
        // What was asked for before is still wanted.
        let mut wanted = columns.cloned();
        if let (Some(wanted), Some(before)) = (&mut wanted, known.as_ref().and_then(|known| known.columns.as_ref())) {
            wanted.extend(before.iter().cloned());
        }
        let corrupt = |error: ParquetError| ScanError::corrupt(&file.meta.location, None, error);
        let (size, metadata, bytes_read, tail) = match self.tail(&name, file.meta) {
            Some(tail) => {
                let bytes = tail.bytes().map_err(corrupt)?;
                (bytes.len(), parsed(bytes, file.meta.size).await?.map_err(corrupt)?, 0, None)
            }
            None => {
                let read = self.read(file, &name, end).await?;
                self.learn(&name, read.needed);
                let meta = file.meta.clone();
                let size = read.bytes.len();
                let model = self.models.lock().get(&folder(&name)).cloned();
                let keep = move || {
                    let fresh = if model.is_none() { Model::of(&read) } else { None };
                    (Tail::keep(&meta, &read, model), fresh, read)
                };
                let (tail, fresh, read) = in_background(size as u64, keep).await?;
                self.add_model(&name, fresh);
                (size, read.metadata, read.bytes_read, Some(tail))
            }
        };
        let make = move || guarded(|| Parsed::new(metadata, wanted));
        let parsed = in_background(size as u64, make).await?.map_err(corrupt)?;
        let parsed = Arc::new(Parsed { schema: self.shared(parsed.schema), ..parsed });
        if let Some(tail) = tail.map(Tail::settled) {
            let bytes = tail.host_bytes();
            self.tails.lock().put(name.clone(), file.meta, Arc::new(tail), bytes, TAILS_BYTES_MAX);
        }
        self.parsed.lock().put(name, file.meta, Arc::clone(&parsed), parsed.host_bytes(), PARSED_BYTES_MAX);
        closed::check(&parsed.metadata, columns, file.meta).map(|()| (parsed, bytes_read))
    }

    async fn read(&self, file: FileAt<'_>, name: &FileName, end: Option<Bytes>) -> Result<Read, ScanError> {
        let span = file.trace.map(|trace| trace.span(Work::Footer));
        let read = read_footer(file.store, file.url, file.meta, (self.guess(name), end)).await?;
        span.iter().for_each(|span| span.add(read.bytes_read));
        Ok(read)
    }

    /// All columns of a file. What is kept of a wide one is not their footer.
    ///
    /// # Errors
    /// Those of [`Footers::footer`].
    pub async fn schema(&self, file: FileAt<'_>) -> Result<SchemaRef, ScanError> {
        let name = (Arc::clone(file.url), file.meta.location.clone());
        let known = self.parsed.lock().get(&name, file.meta);
        if let Some(known) = known.filter(|known| known.covers(None)) {
            return Ok(Arc::clone(&known.schema));
        }
        let (parsed, _) = self.footer(file, Some(&BTreeSet::new())).await?;
        let whole = parsed.whole.lock().take();
        if let Some(whole) = whole {
            return Ok(whole);
        }
        if parsed.covers(None) {
            return Ok(Arc::clone(&parsed.schema));
        }
        let corrupt = |error: ParquetError| ScanError::corrupt(&file.meta.location, None, error);
        let metadata = match self.tail(&name, file.meta) {
            Some(tail) => tail::parsed(tail.bytes().map_err(corrupt)?, file.meta.size).await?.map_err(corrupt)?,
            None => self.read(file, &name, None).await?.metadata,
        };
        let described = metadata.file_metadata();
        let schema = guarded(|| parquet_to_arrow_schema(described.schema_descr(), described.key_value_metadata()));
        schema.map(Arc::new).map_err(corrupt)
    }

    /// The footer as the host's readers take it, which count a null count that is missing as zero: with what is said of
    /// pages, where it is of all columns.
    ///
    /// # Errors
    /// Those of [`Footers::footer`].
    pub async fn footer_for_host(
        &self,
        file: FileAt<'_>,
        columns: Option<&BTreeSet<String>>,
    ) -> Result<Arc<ParquetMetaData>, ScanError> {
        let (parsed, _) = self.footer(file, columns).await?;
        let known = parsed.for_host.lock().clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let indexed = if parsed.columns.is_none() { self.with_pages(file, &parsed).await? } else { None };
        let metadata = indexed.map_or_else(|| Arc::clone(&parsed.metadata), Arc::new);
        let metadata = truthful(&metadata, MissingNullCount::TakenForZero).map_or(metadata, Arc::new);
        *parsed.for_host.lock() = Some(Arc::clone(&metadata));
        let name = (Arc::clone(file.url), file.meta.location.clone());
        self.parsed.lock().put(name, file.meta, Arc::clone(&parsed), parsed.host_bytes(), PARSED_BYTES_MAX);
        Ok(metadata)
    }

    /// What is kept of the ends of files as they were read, and of what was parsed of them.
    pub fn kept(&self) -> [FootersKept; 2] {
        [self.tails.lock().kept(TAILS_BYTES_MAX), self.parsed.lock().kept(PARSED_BYTES_MAX)]
    }

    /// A part of the file, if it is among what is kept of its end.
    pub fn part(&self, file: FileAt<'_>, range: &std::ops::Range<u64>) -> Option<Bytes> {
        self.tail(&(Arc::clone(file.url), file.meta.location.clone()), file.meta)?.part(range)
    }

    fn tail(&self, name: &FileName, meta: &ObjectMeta) -> Option<Arc<Tail>> {
        self.tails.lock().get(name, meta)
    }

    /// `None` where nothing is said of pages, or nothing that can be read: all pages are read then.
    async fn with_pages(&self, file: FileAt<'_>, parsed: &Parsed) -> Result<Option<ParquetMetaData>, ScanError> {
        let Some(index) = page_index(&parsed.metadata).filter(|index| index.end <= file.meta.size) else {
            return Ok(None);
        };
        let to_end = index.start..file.meta.size;
        let bytes = match self.part(file, &to_end) {
            Some(bytes) => bytes,
            None => {
                let read = pinned::read_checked(file.store, file.url, file.meta, std::slice::from_ref(&to_end));
                read.await?.pop().unwrap_or_default()
            }
        };
        let metadata = (*parsed.metadata).clone();
        let indexed = guarded(|| {
            let mut reader =
                ParquetMetaDataReader::new_with_metadata(metadata).with_page_index_policy(PageIndexPolicy::Optional);
            reader.read_page_indexes_sized(&bytes, file.meta.size)?;
            reader.finish()
        });
        Ok(indexed.ok())
    }

    fn add_model(&self, name: &FileName, model: Option<Model>) {
        let Some(model) = model else { return };
        let mut models = self.models.lock();
        models.entry(folder(name)).or_insert_with(|| Arc::new(model));
        if models.len() > MODELS_MAX {
            models.pop_front();
        }
    }

    /// The same schema, of another file where one has it.
    fn shared(&self, schema: SchemaRef) -> SchemaRef {
        let mut schemas = self.schemas.lock();
        if let Some(known) = schemas.iter().find(|known| **known == schema) {
            return Arc::clone(known);
        }
        schemas.push_front(Arc::clone(&schema));
        schemas.truncate(SCHEMAS_MAX);
        schema
    }

    /// Whether the footer of a file is kept in that state.
    pub fn has(&self, file: FileAt<'_>) -> bool {
        self.parsed.lock().get(&(Arc::clone(file.url), file.meta.location.clone()), file.meta).is_some()
    }

    /// A file was found in another state than it is known in, or is gone.
    pub(crate) fn forget(&self, url: &Arc<str>, path: &Path) {
        let name = (Arc::clone(url), path.clone());
        self.tails.lock().forget(&name);
        self.parsed.lock().forget(&name);
    }

    /// How many bytes a footer of that file may have.
    pub(super) fn guess(&self, name: &FileName) -> u64 {
        let long = self.long.lock().get(&folder(name)).copied();
        long.map_or(TAIL_BYTES, |long| (long / 8).saturating_mul(GUESS_EIGHTHS).max(TAIL_BYTES))
    }

    fn learn(&self, name: &FileName, needed: u64) {
        if needed <= TAIL_BYTES {
            return;
        }
        let mut long = self.long.lock();
        let known = long.remove(&folder(name)).unwrap_or(0);
        long.insert(folder(name), known.max(needed));
        if long.len() > FOLDERS_MAX {
            long.pop_front();
        }
    }
}

// Not what they hold: plans are told apart by how their readers print, and a lake's footers are many.
impl fmt::Debug for Footers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Footers")
    }
}

/// Files of a folder are alike.
fn folder((url, path): &FileName) -> FileName {
    let text = path.as_ref();
    (Arc::clone(url), Path::from(text.rsplit_once('/').map_or("", |(folder, _)| folder)))
}

impl Parsed {
    /// Of a footer that is kept by nobody, as those that only a key opens.
    ///
    /// # Errors
    /// For a schema that is none.
    pub fn of(metadata: ParquetMetaData) -> Result<Self, ParquetError> {
        Self::new(metadata, None)
    }

    /// The footer as the host's readers take it.
    pub fn for_host(&self) -> Arc<ParquetMetaData> {
        let metadata = &self.metadata;
        truthful(metadata, MissingNullCount::TakenForZero).map_or_else(|| Arc::clone(metadata), Arc::new)
    }

    fn new(whole: ParquetMetaData, columns: Option<BTreeSet<String>>) -> Result<Self, ParquetError> {
        let whole = closed::without_index(&whole).unwrap_or(whole);
        let described = whole.file_metadata();
        let schema = parquet_to_arrow_schema(described.schema_descr(), described.key_value_metadata())?;
        let columns = columns.filter(|_| described.schema_descr().num_columns() > WHOLE_COLUMNS_MAX);
        let mut all = None;
        let (metadata, schema) = match &columns {
            None => (whole, schema),
            Some(columns) => {
                let narrow = narrowed(&whole, &schema, |name| columns.contains(name))?;
                all = columns.is_empty().then(|| Arc::new(schema));
                let described = narrow.file_metadata();
                let schema = parquet_to_arrow_schema(described.schema_descr(), described.key_value_metadata())?;
                (narrow, schema)
            }
        };
        let metadata = truthful(&metadata, MissingNullCount::Unknown).unwrap_or(metadata);
        let (metadata, schema) = (Arc::new(metadata), Arc::new(schema));
        let (facts, for_host, whole) = (Mutex::default(), Mutex::default(), Mutex::new(all));
        Ok(Self { metadata, schema, columns, facts, for_host, whole })
    }

    /// Whether it says what the file says of `columns`, or of all.
    pub(crate) fn covers(&self, columns: Option<&BTreeSet<String>>) -> bool {
        match (&self.columns, columns) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(known), Some(asked)) => asked.is_subset(known),
        }
    }

    /// What `make` makes of a column that a table declares: made once.
    pub fn facts(&self, declared: &Field, make: impl FnOnce() -> ColumnStatistics) -> ColumnStatistics {
        let key = (declared.name().clone(), declared.data_type().clone());
        let known = self.facts.lock().get(&key).cloned();
        known.unwrap_or_else(|| {
            let made = make();
            self.facts.lock().insert(key, made.clone());
            made
        })
    }

    fn host_bytes(&self) -> usize {
        let for_host = self.for_host.lock().clone();
        let apart = for_host.filter(|metadata| !Arc::ptr_eq(metadata, &self.metadata));
        self.metadata.memory_size() + apart.map_or(0, |metadata| metadata.memory_size()) + schema_bytes(&self.schema)
    }
}

fn schema_bytes(schema: &Schema) -> usize {
    schema.fields().size() + 1024
}
