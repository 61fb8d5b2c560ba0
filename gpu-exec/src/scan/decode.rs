//! One column chunk: fetched bytes in, stored bytes or arrays out. Runs on a blocking thread; any codec, any page kind.

use std::io::{Cursor, Read};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::ScanError;
use super::footer::{Footer, guarded};
use super::read::LeafRead;
use crate::column::{ChunkEncoder, EncodeError, EncodedChunk, LayoutMiss, Target};

/// Rows decoded at a time: large enough to amortise calls, small enough to stay in a core's cache for narrow types.
const BATCH_ROWS: usize = 16 << 10;
/// Rows that buffers are sized for in advance at most: a footer may claim more than there are.
const ROWS_EXPECTED_MAX: usize = 8 << 20;

/// What became of a chunk.
#[derive(Debug)]
pub(crate) enum Decoded {
    Chunk {
        chunk: EncodedChunk,
        decoded_bytes: u64,
    },
    /// The predicted layout was too narrow.
    Miss(LayoutMiss),
}

/// One chunk to decode.
pub(crate) struct ChunkJob<'a> {
    pub(crate) footer: &'a Footer,
    pub(crate) row_group: usize,
    pub(crate) column: &'a str,
    pub(crate) read: &'a LeafRead,
    pub(crate) bytes: ChunkBytes,
}

/// The bytes of one column chunk, addressed as if the whole file were there.
#[derive(Clone, Debug)]
pub(crate) struct ChunkBytes {
    pub(crate) start: u64,
    pub(crate) bytes: Bytes,
}

impl ChunkBytes {
    fn from(&self, start: u64) -> Result<Bytes, ParquetError> {
        let at =
            start.checked_sub(self.start).and_then(|at| usize::try_from(at).ok()).filter(|at| *at <= self.bytes.len());
        at.map(|at| self.bytes.slice(at..)).ok_or_else(|| outside(start))
    }
}

fn outside(start: u64) -> ParquetError {
    ParquetError::EOF(format!("byte {start} is outside the column chunk"))
}

impl Length for ChunkBytes {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for ChunkBytes {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(Box::new(Cursor::new(self.from(start)?)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let rest = self.from(start)?;
        if length > rest.len() { Err(outside(start + length as u64)) } else { Ok(rest.slice(..length)) }
    }
}

/// Where a column chunk lies in its file.
pub(crate) fn chunk_range(footer: &Footer, row_group: usize, leaf: usize) -> Result<Range<u64>, ScanError> {
    let chunk = footer.metadata.row_group(row_group).column(leaf);
    let start = u64::try_from(chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset())).ok();
    let bytes = u64::try_from(chunk.compressed_size()).ok();
    let range = start.zip(bytes).and_then(|(start, bytes)| Some(start..start.checked_add(bytes)?));
    range.filter(|range| range.end <= footer.meta.size).ok_or_else(|| {
        ScanError::corrupt(&footer.meta.location, Some(row_group), format!("its column {leaf} lies outside the file"))
    })
}

impl ChunkJob<'_> {
    /// Decodes and encodes the chunk. `filler` is a value within the column's predicted range, for chunks without any.
    pub(crate) fn encode(&self, target: Target, filler: i128, cancelled: &AtomicBool) -> Result<Decoded, ScanError> {
        let mut encoder = ChunkEncoder::new(target, self.footer.rows(self.row_group).min(ROWS_EXPECTED_MAX));
        let mut decoded_bytes = 0;
        let mut missed = None;
        self.read(cancelled, |array| {
            decoded_bytes += array.get_buffer_memory_size() as u64;
            match encoder.push(&array) {
                Ok(()) => Ok(ControlFlow::Continue(())),
                Err(EncodeError::LayoutMiss(miss)) => {
                    missed = Some(miss);
                    Ok(ControlFlow::Break(()))
                }
                Err(source) => Err(self.encode_error(source)),
            }
        })?;
        if let Some(miss) = missed {
            return Ok(Decoded::Miss(miss));
        }
        let chunk = encoder.finish(filler).map_err(|source| self.encode_error(source))?;
        Ok(Decoded::Chunk { chunk, decoded_bytes })
    }

    /// Decodes the chunk.
    pub(crate) fn rows(&self, cancelled: &AtomicBool) -> Result<Vec<ArrayRef>, ScanError> {
        let mut arrays = Vec::new();
        self.read(cancelled, |array| {
            arrays.push(array);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(arrays)
    }

    /// Decodes batch by batch, looking at `cancelled` in between, until `take` has enough. A chunk that was taken whole
    /// has as many rows as its footer promises.
    fn read(
        &self,
        cancelled: &AtomicBool,
        mut take: impl FnMut(ArrayRef) -> Result<ControlFlow<()>, ScanError>,
    ) -> Result<(), ScanError> {
        let corrupt = |message: String| ScanError::corrupt(&self.footer.meta.location, Some(self.row_group), message);
        let rows = self.footer.rows(self.row_group);
        let mut rows_read = 0;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), self.read.reader.clone())
            .with_projection(self.read.mask())
            .with_row_groups(vec![self.row_group])
            .with_batch_size(BATCH_ROWS.min(rows.max(1)));
        let mut reader = guarded(|| builder.build()).map_err(|error| corrupt(error.to_string()))?;
        loop {
            if cancelled.load(Ordering::Relaxed) {
                return Err(ScanError::Cancelled);
            }
            let batch = guarded(|| reader.next().transpose().map_err(ParquetError::from))
                .map_err(|error| corrupt(error.to_string()))?;
            let Some(batch) = batch else { break };
            if self.read.unchecked_text {
                batch.column(0).to_data().validate_full().map_err(|error| corrupt(error.to_string()))?;
            }
            rows_read += batch.num_rows();
            if take(self.declared(&batch)?)?.is_break() {
                return Ok(());
            }
        }
        if rows_read != rows {
            return Err(corrupt(format!("column {} has {rows_read} rows, the footer promises {rows}", self.column)));
        }
        Ok(())
    }

    fn encode_error(&self, source: EncodeError) -> ScanError {
        ScanError::Encode { column: self.column.to_owned(), source }
    }

    /// The batch's only column, as the table declares it.
    fn declared(&self, batch: &RecordBatch) -> Result<ArrayRef, ScanError> {
        let array = batch.column(0);
        let Some(data_type) = &self.read.cast_to else { return Ok(Arc::clone(array)) };
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(array, data_type, &options).map_err(|error| ScanError::Unsupported {
            path: self.footer.meta.location.to_string(),
            column: self.column.to_owned(),
            message: error.to_string(),
        })
    }
}
