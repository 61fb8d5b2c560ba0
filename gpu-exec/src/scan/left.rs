//! The rows of files that are left where some are deleted: a column of booleans that no file has. The host's scan has it as a
//! selection of rows; here it is made for each row group and loaded beside the columns of the files, and a filter over the scan
//! drops the other rows (`planner/lower`).
//!
//! The column's name says which rows these are, so that what is kept of one version of a table is not taken for another's.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder};
use arrow::datatypes::{DataType, Field};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use object_store::path::Path;
use sha2::{Digest, Sha256};

use super::open::Group;
use crate::column::{ChunkEncoder, EncodeError, EncodedChunk, Target};

/// The rows that are left of a scan's files.
#[derive(Clone, Debug)]
pub struct LeftRows {
    /// Of the column in the table's schema.
    pub(crate) position: usize,
    /// Of files of which some are deleted: the others, ascending.
    files: HashMap<Path, Arc<[Range<usize>]>>,
}

/// Those of one file; `None` is all.
#[derive(Clone, Debug)]
pub(crate) struct LeftOfFile(Option<Arc<[Range<usize>]>>);

impl LeftRows {
    /// What is left of the files of a scan where that is not all, and the column, which is the last of its table's.
    pub(crate) fn of<'f>(files: impl Iterator<Item = &'f PartitionedFile>, position: usize) -> Option<(Self, Field)> {
        let mut hash = Sha256::new();
        let mut left = HashMap::new();
        for file in files {
            let Some(selection) = file.extensions.get::<ParquetRowSelection>() else { continue };
            let (mut at, mut ranges) = (0_usize, Vec::new());
            for selector in selection.selection().iter() {
                let end = at.saturating_add(selector.row_count);
                if !selector.skip && end > at {
                    ranges.push(at..end);
                }
                at = end;
            }
            let path = &file.object_meta.location;
            hash.update((path.as_ref().len() as u64).to_le_bytes());
            hash.update(path.as_ref());
            hash.update((ranges.len() as u64).to_le_bytes());
            for range in &ranges {
                hash.update((range.start as u64).to_le_bytes());
                hash.update((range.end as u64).to_le_bytes());
            }
            left.insert(path.clone(), ranges.into());
        }
        if left.is_empty() {
            return None;
        }
        let digits: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Some((Self { position, files: left }, Field::new(format!("left rows {digits}"), DataType::Boolean, false)))
    }

    pub(crate) fn of_file(&self, path: &Path) -> LeftOfFile {
        LeftOfFile(self.files.get(path).cloned())
    }
}

impl LeftOfFile {
    /// Of each row of a row group, whether it is left.
    pub(crate) fn values(&self, group: &Group) -> ArrayRef {
        let first: usize = (0..group.row_group).map(|before| group.footer.rows(before)).sum();
        let end = first + group.rows;
        let mut values = BooleanBufferBuilder::new(group.rows);
        match &self.0 {
            None => values.append_n(group.rows, true),
            Some(ranges) => {
                // Those that end behind the first row of the group.
                let from = ranges.partition_point(|range| range.end <= first);
                for range in ranges[from..].iter().take_while(|range| range.start < end) {
                    values.append_n(range.start.max(first) - first - values.len(), false);
                    values.append_n(range.end.min(end) - first - values.len(), true);
                }
                values.append_n(group.rows - values.len(), false);
            }
        }
        Arc::new(BooleanArray::new(values.finish(), None))
    }

    /// The same, encoded.
    pub(crate) fn encode(&self, group: &Group, target: Target, filler: i128) -> Result<EncodedChunk, EncodeError> {
        let mut encoder = ChunkEncoder::new(target, group.rows);
        encoder.push(&self.values(group))?;
        encoder.finish(filler)
    }
}
