//! Waves cut from chunks that are encoded on the host: whole tiles of them, uploaded in the form that their columns have in
//! all chunks. Where the device has no room for so many rows, fewer. Not here: where the chunks come from (files:
//! `windows.rs`, host operators: `input.rs`).

use std::ops::Range;
use std::sync::Arc;

use super::ScanError;
use super::upload::upload_chunk;
use crate::column::{EncodedChunk, Form, Remap, Segment, Stored, TILE_ROWS, padded_rows};
use crate::device::{DeviceError, DeviceHandle};
use crate::trace::Trace;

/// How chunks become the columns of a table.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    /// Of each column that is encoded.
    pub(super) names: Arc<[Arc<str>]>,
    pub(super) forms: Arc<[Form]>,
    /// Where the columns of the table are among those.
    pub(super) places: Arc<[usize]>,
    /// Of the query that reads them.
    pub(super) trace: Arc<Trace>,
}

/// Rows that were encoded together: of each column a chunk, and what becomes of its codes.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) rows: usize,
    pub(super) chunks: Vec<(Arc<EncodedChunk>, Arc<Remap>)>,
}

/// The first row of what comes next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) block: usize,
    pub(super) row: usize,
}

/// Some rows of a block.
struct Slice {
    block: Block,
    rows: Range<usize>,
}

impl Cut {
    /// The next rows, of about so many bytes, on the device; goes on to what follows them.
    ///
    /// # Errors
    /// No room on the device for a tile, and then the same rows come next.
    pub(super) async fn wave(
        &self,
        device: &Arc<DeviceHandle>,
        blocks: &[Block],
        next: &mut Place,
        mut bytes: u64,
    ) -> Result<Vec<Segment>, ScanError> {
        let begin = *next;
        loop {
            let slices = self.slices(blocks, next, bytes);
            let one_tile = slices.iter().map(|slice| slice.rows.len()).sum::<usize>() <= TILE_ROWS;
            let (cut, device) = (self.clone(), Arc::clone(device));
            let uploaded = tokio::task::spawn_blocking(move || cut.upload(&device, &slices)).await;
            match uploaded.map_err(|error| ScanError::Task(error.to_string()))? {
                Ok(segments) => return Ok(segments),
                Err(error) => {
                    *next = begin;
                    let refused = matches!(error, ScanError::Device(DeviceError::OutOfMemory { .. }));
                    if !refused || one_tile {
                        return Err(error);
                    }
                    bytes /= 2;
                }
            }
        }
    }

    /// All rows, a segment a block.
    pub(super) fn all(&self, device: &DeviceHandle, blocks: &[Block]) -> Result<Vec<Segment>, ScanError> {
        let slices: Vec<Slice> =
            blocks.iter().map(|block| Slice { block: block.clone(), rows: 0..block.rows }).collect();
        self.upload(device, &slices)
    }

    /// Bytes that blocks take on the device.
    pub(super) fn device_bytes(&self, blocks: &[Block]) -> u64 {
        blocks.iter().map(|block| self.row_bytes(block) * padded_rows(block.rows) as u64).sum()
    }

    fn slices(&self, blocks: &[Block], next: &mut Place, bytes: u64) -> Vec<Slice> {
        let mut slices = Vec::new();
        let mut left = bytes;
        while let Some(block) = blocks.get(next.block).filter(|_| left > 0 || slices.is_empty()) {
            let a_row = self.row_bytes(block).max(1);
            let fitting = usize::try_from(left / a_row).unwrap_or(usize::MAX) / TILE_ROWS * TILE_ROWS;
            if fitting == 0 && !slices.is_empty() {
                break;
            }
            let end = next.row.saturating_add(fitting.max(TILE_ROWS)).min(block.rows);
            slices.push(Slice { block: block.clone(), rows: next.row..end });
            left = left.saturating_sub(a_row * (end - next.row) as u64);
            let ended = end == block.rows;
            *next = if ended { Place { block: next.block + 1, row: 0 } } else { Place { row: end, ..*next } };
        }
        slices
    }

    /// Bytes a row of a block takes on the device.
    fn row_bytes(&self, block: &Block) -> u64 {
        let of = |((chunk, _), form): (&(Arc<EncodedChunk>, Arc<Remap>), &Form)| {
            let validity = u64::from(chunk.validity.is_some());
            match (&chunk.stored, form) {
                (Stored::RawText, _) => (chunk.data.len() / chunk.rows.max(1)) as u64 + 1,
                (_, Form::Codes { width, .. }) => width.bytes() as u64 + validity,
                (_, Form::Integers { layout, .. }) => layout.width.bytes() as u64 + validity,
                (stored, Form::Own) => stored.bytes() as u64 + validity,
            }
        };
        block.chunks.iter().zip(self.forms.iter()).map(of).sum()
    }

    fn upload(&self, device: &DeviceHandle, slices: &[Slice]) -> Result<Vec<Segment>, ScanError> {
        let stream = device.stream()?.traced(&self.trace);
        let mut segments = Vec::with_capacity(slices.len());
        for Slice { block, rows } in slices {
            let mut columns = Vec::with_capacity(block.chunks.len());
            for (((chunk, remap), name), form) in block.chunks.iter().zip(self.names.iter()).zip(self.forms.iter()) {
                let chunk = chunk.slice(rows.clone(), form, remap);
                columns.push(upload_chunk(device, &stream, name, &chunk)?.column);
            }
            let columns = self.places.iter().map(|place| columns[*place].clone()).collect();
            segments.push(Segment { rows: rows.len() as u64, columns });
        }
        // Who reads them has another stream.
        stream.synchronize()?;
        Ok(segments)
    }
}
