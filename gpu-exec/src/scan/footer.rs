//! Footers: which bytes make up a file, and the identity by which everything read from it is remembered.
//!
//! A file is the same only while its path, size, modification time, tag and version are. Page indexes are not read.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use bytes::Bytes;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use super::ScanError;
use super::predict::Claim;
use super::truth::{MissingNullCount, truthful};
use crate::ir::Type;
use crate::panics::caught;

/// Bytes read from the end of a file at first: holds the whole footer of most files.
const TAIL_BYTES: u64 = 64 << 10;
/// A dictionary below this many bytes costs nothing worth avoiding.
const DICTIONARY_BYTES: i64 = 256 << 10;
const SECOND_NS: i64 = 1_000_000_000;
/// Rows a row group may claim: buffers are sized by it before the data has proven it.
const GROUP_ROWS_MAX: i64 = i32::MAX as i64;

/// The state of a file that a footer belongs to.
#[derive(Clone, Debug)]
pub(crate) struct FileState {
    size: u64,
    modified_ns: Option<i64>,
    tag: Option<String>,
    version: Option<String>,
}

impl FileState {
    pub(crate) fn of(meta: &ObjectMeta) -> Self {
        Self {
            size: meta.size,
            modified_ns: meta.last_modified.timestamp_nanos_opt(),
            tag: meta.e_tag.clone(),
            version: meta.version.clone(),
        }
    }

    /// Whether both are the same state. S3 lists times in thousandths of a second and tells them in whole seconds of
    /// one file: the tag tells more then. It says a version of one file only.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let seconds = |state: &Self| state.modified_ns.map(|time| time.div_euclid(SECOND_NS));
        let is_whole = |state: &Self| state.modified_ns.is_none_or(|time| time.rem_euclid(SECOND_NS) == 0);
        let same_tag = self.tag.is_some() && self.tag == other.tag;
        let same_time = self.modified_ns == other.modified_ns
            || (same_tag && (is_whole(self) || is_whole(other)) && seconds(self) == seconds(other));
        let same_version = self.version.is_none() || other.version.is_none() || self.version == other.version;
        self.size == other.size && self.tag == other.tag && same_time && same_version
    }
}

/// What statistics claim, kept because every query asks for it: by column name and declared type, one a row group.
type ClaimCache = Mutex<HashMap<(String, DataType), Arc<[Claim]>>>;

/// A file's footer, parsed. Shared between queries.
#[derive(Debug)]
pub(crate) struct Footer {
    /// Number of this state of this file, unique within the process.
    pub(crate) file: u64,
    pub(crate) meta: ObjectMeta,
    pub(crate) metadata: Arc<ParquetMetaData>,
    /// The file's own schema.
    pub(crate) schema: SchemaRef,
    pub(crate) claims: ClaimCache,
    /// See [`Footer::lacks_dictionary`].
    texts: Mutex<HashMap<String, bool>>,
}

impl Footer {
    /// Reads and parses a footer; also returns the number of bytes read.
    pub(crate) async fn read(store: &dyn ObjectStore, meta: ObjectMeta, file: u64) -> Result<(Self, u64), ScanError> {
        let (metadata, bytes_read) = read_metadata(store, &meta).await?;
        Ok((Self::new(meta, metadata, file)?, bytes_read))
    }

    fn new(meta: ObjectMeta, metadata: ParquetMetaData, file: u64) -> Result<Self, ScanError> {
        let described = metadata.file_metadata();
        let schema = guarded(|| parquet_to_arrow_schema(described.schema_descr(), described.key_value_metadata()))
            .map_err(|error| ScanError::corrupt(&meta.location, None, error))?;
        for (index, group) in metadata.row_groups().iter().enumerate() {
            if !(0..=GROUP_ROWS_MAX).contains(&group.num_rows()) {
                return Err(ScanError::corrupt(
                    &meta.location,
                    Some(index),
                    format!("it claims {} rows", group.num_rows()),
                ));
            }
        }
        let metadata = truthful(&metadata, MissingNullCount::Unknown).unwrap_or(metadata);
        let (metadata, schema) = (Arc::new(metadata), Arc::new(schema));
        Ok(Self { file, meta, metadata, schema, claims: ClaimCache::default(), texts: Mutex::default() })
    }

    /// Rows of a row group.
    pub(crate) fn rows(&self, row_group: usize) -> usize {
        usize::try_from(self.metadata.row_group(row_group).num_rows()).unwrap_or(0)
    }

    /// Whether a column chunk has pages that are not dictionary-encoded, as far as the footer tells.
    pub(crate) fn is_plain(&self, row_group: usize, leaf: usize) -> bool {
        let described = self.metadata.row_group(row_group).column(leaf);
        described.dictionary_page_offset().is_none()
            || described.page_encoding_stats_mask().is_some_and(|pages| {
                !pages.is_only(Encoding::RLE_DICTIONARY) && !pages.is_only(Encoding::PLAIN_DICTIONARY)
            })
    }

    /// Whether a chunk's dictionary is large and yet hardly shorter than the texts: most rows have a text of their own.
    /// Not all writers say how long the texts are.
    fn is_distinct(&self, row_group: usize, leaf: usize) -> bool {
        let described = self.metadata.row_group(row_group).column(leaf);
        let Some(texts) = described.unencoded_byte_array_data_bytes() else { return false };
        let (stored, plain) = (described.uncompressed_size(), texts.saturating_add(4 * described.num_values()));
        stored >= DICTIONARY_BYTES && stored >= plain / 2
    }

    /// Whether a dictionary over a text column would have to be made by hashing, or would hold most of its rows: in any
    /// chunk. `false` where the file has no such column, or stores no text there. Remembered.
    pub(crate) fn lacks_dictionary(&self, column: &str) -> bool {
        if let Some(known) = self.texts.lock().get(column) {
            return *known;
        }
        let lacks = self.find_plain_text(column);
        self.texts.lock().insert(column.to_owned(), lacks);
        lacks
    }

    fn find_plain_text(&self, column: &str) -> bool {
        let schema = self.metadata.file_metadata().schema_descr();
        let is_text = |field: &Field| Type::from_arrow(field.data_type()) == Some(Type::Text);
        let Some((root, _)) = self.schema.column_with_name(column).filter(|(_, field)| is_text(field)) else {
            return false;
        };
        let leaf = (0..schema.num_columns()).find(|leaf| schema.get_column_root_idx(*leaf) == root);
        let groups = || (0..self.metadata.num_row_groups()).filter(|group| self.rows(*group) > 0);
        let lacks = |leaf| groups().any(|group| self.is_plain(group, leaf) || self.is_distinct(group, leaf));
        leaf.is_some_and(lacks)
    }

    /// Host memory held, in bytes.
    pub(crate) fn host_bytes(&self) -> usize {
        self.metadata.memory_size() + 1024
    }
}

/// What a file's footer says, and the number of bytes read for it: one request, and a second where the footer is long.
///
/// # Errors
/// `Corrupt` where it is no footer of a Parquet file; those of the store.
pub async fn read_metadata(store: &dyn ObjectStore, meta: &ObjectMeta) -> Result<(ParquetMetaData, u64), ScanError> {
    let path = &meta.location;
    let mut bytes_read = 0;
    let mut tail = TAIL_BYTES.min(meta.size);
    loop {
        let range = meta.size - tail..meta.size;
        let bytes = store.get_range(path, range).await.map_err(|source| ScanError::store(path, source))?;
        bytes_read += bytes.len() as u64;
        match guarded(|| parse(&bytes, meta.size)) {
            Ok(metadata) => return Ok((metadata, bytes_read)),
            Err(ParquetError::NeedMoreData(needed)) if needed as u64 > tail && needed as u64 <= meta.size => {
                tail = needed as u64
            }
            Err(ParquetError::NeedMoreData(needed)) => {
                let cause = format!("its footer needs {needed} bytes, the file has {}", meta.size);
                return Err(ScanError::corrupt(path, None, cause));
            }
            Err(error) => return Err(ScanError::corrupt(path, None, error)),
        }
    }
}

fn parse(bytes: &Bytes, file_size: u64) -> Result<ParquetMetaData, ParquetError> {
    let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Skip);
    reader.try_parse_sized(bytes, file_size)?;
    reader.finish()
}

/// Runs code that parses foreign bytes: a panic of the decoder becomes an error.
///
/// # Errors
/// Those of the code.
pub fn guarded<T>(decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    caught(decode).unwrap_or_else(|panic| Err(ParquetError::General(format!("the decoder gave up: {panic}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_known_again_whoever_tells_it() {
        let state = |modified_ns: i64, tag: Option<&str>| FileState {
            size: 7,
            modified_ns: Some(modified_ns),
            tag: tag.map(str::to_owned),
            version: None,
        };
        let (listed, told) = (state(5_123_000_000, Some("a")), state(5_000_000_000, Some("a")));
        assert!(listed.is(&told) && told.is(&listed) && listed.is(&listed));
        assert!(FileState { version: Some("1".to_owned()), ..told.clone() }.is(&listed), "listings name no version");
        for other in [
            state(6_000_000_000, Some("a")),
            state(5_000_000_000, Some("b")),
            state(5_000_000_000, None),
            state(5_124_000_000, Some("a")),
            FileState { size: 8, ..listed.clone() },
        ] {
            assert!(!listed.is(&other) && !other.is(&listed), "{other:?}");
        }
        assert!(!state(5_123_000_000, None).is(&state(5_000_000_000, None)), "without a tag the time is all there is");
    }
}
