//! Tables on the device: segments of equally stored columns, and the shape that holds for all of them.

use std::sync::{Arc, OnceLock};

use super::{SegmentTable, TableShape};
use crate::device::DeviceBuffer;

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
    /// Values under a NULL are within [`super::ColumnFacts::range`], so they are safe to compute with and to index by.
    pub validity: Option<Arc<DeviceBuffer>>,
}

/// A run of rows whose columns lie side by side in memory.
#[derive(Clone, Debug)]
pub struct Segment {
    pub rows: u64,
    pub columns: Vec<DeviceColumn>,
}

/// A table on the device: its data, and what is known of them. Whoever plans sees the shape only.
#[derive(Clone, Debug)]
pub struct DeviceTable {
    pub shape: TableShape,
    pub segments: Vec<Segment>,
    /// By which kernels find the segments, where that is on the device: shared by all copies of the table.
    located: Arc<OnceLock<Arc<SegmentTable>>>,
}

impl DeviceTable {
    pub fn new(shape: TableShape, segments: Vec<Segment>) -> Self {
        Self { shape, segments, located: Arc::default() }
    }

    /// By which kernels find the segments, where a run has left it.
    pub fn located(&self) -> Option<Arc<SegmentTable>> {
        self.located.get().cloned()
    }

    /// Leaves it to other runs. Not before its upload has been waited for: theirs is another stream.
    pub fn leave_located(&self, located: &Arc<SegmentTable>) {
        self.located.get_or_init(|| Arc::clone(located));
    }

    pub fn rows(&self) -> u64 {
        self.segments.iter().map(|segment| segment.rows).sum()
    }
}
