//! A file's state and its footer as a device scan takes it: the identity by which everything read from it is remembered.
//!
//! A file is the same only while its path, size, modification time, tag and version are. Not here: reading footers
//! (`tail.rs`), keeping them for all who ask (`footers.rs`).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use object_store::{ObjectMeta, ObjectStore};
use parking_lot::Mutex;
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::footers::Parsed;
use super::predict::Claim;
use super::tail::{TAIL_BYTES, read_footer};
use super::{ParquetScan, ScanError};
use crate::ir::Type;
use crate::panics::caught;

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
        let equal_tags = match (&self.tag, &other.tag) {
            (Some(tag), Some(other)) => same_tag(tag, other),
            (tag, other) => tag == other,
        };
        let same_tag = self.tag.is_some() && equal_tags;
        let same_time = self.modified_ns == other.modified_ns
            || (same_tag && (is_whole(self) || is_whole(other)) && seconds(self) == seconds(other));
        let same_version = self.version.is_none() || other.version.is_none() || self.version == other.version;
        self.size == other.size && equal_tags && same_time && same_version
    }
}

/// Azure lists tags without the quotes that it tells them in.
pub(crate) fn same_tag(tag: &str, other: &str) -> bool {
    tag.trim_matches('"') == other.trim_matches('"')
}

/// What statistics claim, kept because every query asks for it: by column name and declared type, one a row group.
type ClaimCache = Mutex<HashMap<(String, DataType), Arc<[Claim]>>>;

/// A file's footer, parsed: of the columns that scans asked for. Shared between queries.
#[derive(Debug)]
pub(crate) struct Footer {
    /// Number of this state of this file, unique within the process.
    pub(crate) file: u64,
    pub(crate) meta: ObjectMeta,
    pub(crate) metadata: Arc<ParquetMetaData>,
    /// The file's own schema.
    pub(crate) schema: SchemaRef,
    parsed: Arc<Parsed>,
    pub(crate) claims: ClaimCache,
    /// See [`Footer::lacks_dictionary`].
    texts: Mutex<HashMap<String, bool>>,
}

impl Footer {
    /// # Errors
    /// `Corrupt` where it claims what cannot be.
    pub(crate) fn new(meta: ObjectMeta, parsed: Arc<Parsed>, file: u64) -> Result<Self, ScanError> {
        let (metadata, schema) = (Arc::clone(&parsed.metadata), Arc::clone(&parsed.schema));
        for (index, group) in metadata.row_groups().iter().enumerate() {
            if !(0..=GROUP_ROWS_MAX).contains(&group.num_rows()) {
                return Err(ScanError::corrupt(
                    &meta.location,
                    Some(index),
                    format!("it claims {} rows", group.num_rows()),
                ));
            }
        }
        Ok(Self { file, meta, metadata, schema, parsed, claims: ClaimCache::default(), texts: Mutex::default() })
    }

    /// Whether it says all that the file says of these columns.
    pub(crate) fn covers(&self, columns: &BTreeSet<String>) -> bool {
        self.parsed.covers(Some(columns))
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

/// The columns of files that a scan reads or skips row groups by.
pub(crate) fn columns_of(scan: &ParquetScan) -> BTreeSet<String> {
    let name = |position: usize| scan.table_schema.field(position).name().clone();
    let of_predicate = scan.predicate.iter().flat_map(datafusion::physical_expr::utils::collect_columns);
    scan.projection
        .iter()
        .map(|position| name(*position))
        .chain(of_predicate.map(|column| column.name().to_owned()))
        .collect()
}

/// What a file's footer says. Nothing is kept, and nothing that is kept is used.
///
/// # Errors
/// `Corrupt` where it is no footer of a Parquet file; those of the store.
pub async fn read_metadata(store: &dyn ObjectStore, meta: &ObjectMeta) -> Result<ParquetMetaData, ScanError> {
    // Of an unknown store nothing is compared.
    Ok(read_footer(store, "file:", meta, (TAIL_BYTES, None)).await?.metadata)
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
