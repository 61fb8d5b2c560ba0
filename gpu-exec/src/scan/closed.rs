//! What of a file is encrypted, to readers that have no key: footers that are kept are read without one. The pages of such a column
//! are not what they seem, and so is what the footer says of pages. Not here: reading with keys, which the host does.

use std::collections::BTreeSet;

use object_store::ObjectMeta;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::ScanError;

/// # Errors
/// `Corrupt` where one of `columns`, or of all, is encrypted.
pub(crate) fn check(
    metadata: &ParquetMetaData,
    columns: Option<&BTreeSet<String>>,
    file: &ObjectMeta,
) -> Result<(), ScanError> {
    let schema = metadata.file_metadata().schema_descr();
    let is_closed =
        |leaf: &usize| metadata.row_groups().iter().any(|group| group.column(*leaf).crypto_metadata().is_some());
    let name = |leaf: usize| schema.column(leaf).path().parts().first().cloned().unwrap_or_default();
    let is_wanted = |name: &String| columns.is_none_or(|columns| columns.contains(name));
    match (0..schema.num_columns()).filter(is_closed).map(name).find(is_wanted) {
        None => Ok(()),
        Some(name) => Err(ScanError::corrupt(&file.location, None, format!("its column {name} is encrypted"))),
    }
}

/// The same footer, where a column is encrypted, without what it says of pages; `None` where none is.
pub(crate) fn without_index(metadata: &ParquetMetaData) -> Option<ParquetMetaData> {
    let is_closed = |group: &RowGroupMetaData| group.columns().iter().any(|chunk| chunk.crypto_metadata().is_some());
    if !metadata.row_groups().iter().any(is_closed) {
        return None;
    }
    let mut builder = metadata.clone().into_builder();
    let mut groups = builder.take_row_groups();
    for chunk in groups.iter_mut().flat_map(|group| group.columns_mut()) {
        let bare = chunk.clone().into_builder();
        let bare = bare.set_column_index_offset(None).set_column_index_length(None);
        let bare = bare.set_offset_index_offset(None).set_offset_index_length(None).set_bloom_filter_offset(None);
        *chunk = bare.build().unwrap_or_else(|_| chunk.clone());
    }
    Some(builder.set_row_groups(groups).build())
}
