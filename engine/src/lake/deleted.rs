//! The rows of files that are left: deletion vectors, read and turned into what the reader of Parquet skips.

use std::ops::Range;
use std::sync::Arc;

use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use object_store::path::Path;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use super::bitmap;
use super::place::{Place, damaged};
use super::snapshot::{Deleted, Vector};
use crate::error::Result;

/// Of bytes around a vector: its size in front, its checksum behind.
const SIZE_BYTES: u64 = 4;
const CHECKSUM_BYTES: u64 = 4;
/// A vector of so many bytes is read without its file's being asked how long it is.
const UNASKED_BYTES_MAX: u64 = 8 << 20;

/// The deleted rows of a file; `None` where there are none.
pub(super) async fn rows(place: &Place, deleted: &Deleted) -> Result<Option<Arc<[Range<u64>]>>> {
    Ok(match deleted {
        Deleted::None => None,
        Deleted::Rows(rows) => Some(Arc::clone(rows)),
        Deleted::At(vector) => Some(read(place, vector).await?.into()),
    })
}

async fn read(place: &Place, vector: &Vector) -> Result<Vec<Range<u64>>> {
    let Vector { path, offset, size, rows } = vector;
    let wrong = |cause: &str| damaged(path, format!("its deletion vector at {offset}: {cause}"));
    let end = offset.checked_add(SIZE_BYTES + CHECKSUM_BYTES).and_then(|end| end.checked_add(*size));
    let end = end.ok_or_else(|| wrong("it is too long"))?;
    // A reader of this machine makes room for all that it is asked for.
    let is_asked = place.is_local() || *size > UNASKED_BYTES_MAX;
    if is_asked && place.state_of(path).await?.size < end {
        return Err(wrong("the file ends before it does"));
    }
    let bytes = place.read_range(path, *offset..end).await?;
    let parts = bytes.split_first_chunk::<4>().and_then(|(before, rest)| Some((before, rest.split_last_chunk::<4>()?)));
    let Some((before, (stored, behind))) = parts.filter(|(_, (stored, _))| stored.len() as u64 == *size) else {
        return Err(wrong("the store returned fewer bytes than asked for"));
    };
    if u64::from(u32::from_be_bytes(*before)) != *size {
        return Err(wrong("its size is another one than the log says"));
    }
    if checksum(stored) != u32::from_be_bytes(*behind) {
        return Err(wrong("its checksum is wrong"));
    }
    counted(stored, *rows).map_err(wrong)
}

/// The rows of a vector that has so many.
pub(super) fn counted(vector: &[u8], rows: u64) -> std::result::Result<Vec<Range<u64>>, bitmap::Wrong> {
    let ranges = bitmap::ranges(vector)?;
    match bitmap::count(&ranges) == rows {
        true => Ok(ranges),
        false => Err("it has another number of rows than the log says"),
    }
}

/// What is read of the file `path`, which has `rows` rows.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`] where rows are deleted that it does not have.
pub(super) fn left(path: &Path, deleted: &[Range<u64>], rows: u64) -> Result<ParquetRowSelection> {
    if deleted.last().is_some_and(|last| last.end > rows) {
        return Err(damaged(path, format!("its deletion vector has rows behind the last of its {rows}")));
    }
    let mut selectors = Vec::with_capacity(deleted.len() * 2 + 1);
    let mut at = 0;
    let length = |range: Range<u64>| usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    for range in deleted {
        if range.start > at {
            selectors.push(RowSelector::select(length(at..range.start)));
        }
        selectors.push(RowSelector::skip(length(range.clone())));
        at = range.end;
    }
    if at < rows {
        selectors.push(RowSelector::select(length(at..rows)));
    }
    Ok(ParquetRowSelection::new(RowSelection::from(selectors)))
}

/// CRC-32 as zip has it.
fn checksum(bytes: &[u8]) -> u32 {
    const REVERSED_POLYNOMIAL: u32 = 0xEDB8_8320;
    let mut rest = u32::MAX;
    for byte in bytes {
        rest ^= u32::from(*byte);
        for _ in 0..8 {
            rest = (rest >> 1) ^ (if rest & 1 == 1 { REVERSED_POLYNOMIAL } else { 0 });
        }
    }
    !rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_zip() {
        assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
    }
}
