//! Rows that are deleted by where they are: deletion vectors (version 3) and files of positions (version 2). Not here: rows that are
//! deleted by their values (`by_values`).

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::super::place::{Place, damaged, unharmed};
use super::super::snapshot::{Deleted, Vector};
use super::manifests::Listed;
use super::metadata::Metadata;
use crate::error::{Error, ErrorKind, Result};

/// Columns of a file of positions.
const FILE: &str = "file_path";
const POSITION: &str = "pos";
/// Of bytes around a vector: its size in front, its checksum behind.
const AROUND: u64 = 8;

/// What deletes rows of some file.
#[derive(Debug)]
struct Delete {
    sequence: i64,
    /// Where it is told by the file's partition which files it is about.
    spec: i32,
    partition: Option<Value>,
    rows: Deleted,
}

/// What deletes rows, by the file that has them.
#[derive(Debug, Default)]
pub(super) struct Deletes {
    vectors: HashMap<String, Delete>,
    positions: HashMap<String, Vec<(Delete, Vec<u64>)>>,
}

impl Deletes {
    /// # Errors
    /// [`ErrorKind::Unsupported`] for positions in files that are not read.
    pub(super) async fn read(place: &Place, metadata: &Metadata, listed: Vec<Listed>) -> Result<Self> {
        let mut deletes = Self::default();
        for Listed { file, sequence, spec, manifest } in listed {
            let path = place.at_home(&metadata.location, &file.file_path)?;
            let delete = |rows| Delete { sequence, spec, partition: file.partition.clone(), rows };
            if file.file_format.eq_ignore_ascii_case("puffin") {
                let wrong =
                    || damaged(&manifest, format!("the deletion vector in '{}' lacks its place", file.file_path));
                let (of, offset) = (file.referenced_data_file.clone(), file.content_offset);
                let (Some(of), Some(offset), Some(size)) = (of, offset, file.content_size_in_bytes) else {
                    return Err(wrong());
                };
                let size = size.checked_sub(AROUND).ok_or_else(wrong)?;
                let vector = Vector { path, offset, size, rows: file.record_count };
                deletes.vectors.insert(of, delete(Deleted::At(vector)));
                continue;
            }
            if !file.file_format.eq_ignore_ascii_case("parquet") {
                let message = format!("it has positions of deleted rows as {}, which is not read", file.file_format);
                return Err(Error::new(ErrorKind::Unsupported, message)
                    .with_hint("compact the table with the engine that writes it")
                    .about_file(&path));
            }
            let text = place.read(&path).await?;
            for (of, rows) in unharmed(&path, || positions(&path, text))? {
                deletes.positions.entry(of).or_default().push((delete(Deleted::None), rows));
            }
        }
        Ok(deletes)
    }

    /// The deleted rows of a data file.
    pub(super) fn of(&self, place: &Place, listed: &Listed) -> Result<Deleted> {
        let name = &listed.file.file_path;
        // A vector stands for all positions before it.
        if let Some(vector) = self.vectors.get(name).filter(|vector| vector.sequence >= listed.sequence) {
            return Ok(vector.rows.clone());
        }
        let mut rows: Vec<u64> = Vec::new();
        for (delete, positions) in self.positions.get(name).into_iter().flatten() {
            let is_its = delete.spec == listed.spec && delete.partition == listed.file.partition;
            if delete.sequence < listed.sequence {
                continue;
            }
            if !is_its {
                let message =
                    format!("the table '{}' deletes rows of '{name}' from another partition", place.written());
                return Err(
                    Error::new(ErrorKind::Invalid, message).with_hint("compact the table, or restore its metadata")
                );
            }
            rows.extend(positions);
        }
        if rows.is_empty() {
            return Ok(Deleted::None);
        }
        rows.sort_unstable();
        Ok(Deleted::Rows(ranges(&rows).into()))
    }
}

/// Ascending rows, of which one may be there twice, as ranges.
fn ranges(rows: &[u64]) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for row in rows {
        match ranges.last_mut() {
            Some(last) if *row < last.end => {}
            Some(last) if *row == last.end => last.end += 1,
            _ => ranges.push(*row..row + 1),
        }
    }
    ranges
}

/// The rows of a file of positions, by the files that they are of.
fn positions(path: &Path, bytes: Bytes) -> Result<HashMap<String, Vec<u64>>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| damaged(path, e))?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), [FILE, POSITION]);
    let reader = builder.with_projection(mask).build().map_err(|e| damaged(path, e))?;
    let mut found: HashMap<String, Vec<u64>> = HashMap::new();
    for batch in reader {
        let batch = batch.map_err(|e| damaged(path, e))?;
        let column = |name: &str, data_type: DataType| {
            let column = batch.column_by_name(name).ok_or_else(|| damaged(path, format!("it has no column {name}")))?;
            cast(column, &data_type).map_err(|e| damaged(path, e))
        };
        let (files, rows) = (column(FILE, DataType::Utf8)?, column(POSITION, DataType::Int64)?);
        for (file, row) in files.as_string::<i32>().iter().zip(rows.as_primitive::<Int64Type>()) {
            let row = row.and_then(|row| u64::try_from(row).ok()).filter(|row| *row < u64::MAX);
            let (Some(file), Some(row)) = (file, row) else {
                return Err(damaged(path, "it has a position that is none"));
            };
            match found.get_mut(file) {
                Some(rows) => rows.push(row),
                None => drop(found.insert(file.to_string(), vec![row])),
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn rows_become_ranges() {
        assert_eq!(ranges(&[0, 1, 1, 2, 7, 9]), [0..3, 7..8, 9..10]);
        assert_eq!(ranges(&[]), []);
    }
}
