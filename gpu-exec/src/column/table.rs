//! Tables on the device: segments of equally stored columns.

use std::sync::Arc;

use super::{ColumnFacts, Stored};
use crate::device::DeviceBuffer;
use crate::ir::Type;

/// Rows a block handles at a time; buffers are padded to whole tiles so that full-width loads never leave them.
pub const TILE_ROWS: usize = 2048;

/// `rows` rounded up to whole tiles.
pub fn padded_rows(rows: usize) -> usize {
    rows.div_ceil(TILE_ROWS) * TILE_ROWS
}

/// One column of one segment.
#[derive(Clone, Debug)]
pub struct DeviceColumn {
    /// `rows` values rounded up to whole tiles; bytes past the last row are undefined. Raw text follows its distances.
    pub data: Arc<DeviceBuffer>,
    /// One bit a row, least significant first, 1 = valid, padded like `data`; `None` where the segment has no NULL.
    /// Values under a NULL are within [`ColumnFacts::range`], so they are safe to compute with and to index by.
    pub validity: Option<Arc<DeviceBuffer>>,
}

/// A run of rows whose columns lie side by side in memory.
#[derive(Clone, Debug)]
pub struct Segment {
    pub rows: u64,
    pub columns: Vec<DeviceColumn>,
}

/// What holds for a column in every segment.
#[derive(Clone, Debug)]
pub struct ColumnMeta {
    pub name: String,
    pub ty: Type,
    pub stored: Stored,
    pub facts: ColumnFacts,
}

/// A table on the device.
#[derive(Clone, Debug)]
pub struct DeviceTable {
    pub columns: Vec<ColumnMeta>,
    pub segments: Vec<Segment>,
}

impl DeviceTable {
    pub fn rows(&self) -> u64 {
        self.segments.iter().map(|segment| segment.rows).sum()
    }
}
