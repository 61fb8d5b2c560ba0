//! Where the segments of a table lie: the table of words by which a kernel finds them (`SegmentCursor` in tile.cuh), in device
//! memory.

use super::{DeviceTable, Stored, TILE_ROWS};
use crate::device::{DeviceBuffer, DeviceHandle, DeviceResult, Stream};

/// A table's segments as the device sees them.
#[derive(Debug)]
pub struct SegmentTable {
    words: DeviceBuffer,
    /// Segments that have rows, and the tiles and rows of all.
    pub count: u64,
    pub tiles: u64,
    pub rows: u64,
    /// What is added to the stored values of each column.
    pub bases: Vec<i128>,
}

impl SegmentTable {
    /// Queues the upload.
    ///
    /// # Errors
    /// No room on the device.
    pub fn upload(handle: &DeviceHandle, stream: &Stream, table: &DeviceTable) -> DeviceResult<Self> {
        let mut words: Vec<u64> = Vec::new();
        let (mut tiles, mut rows, mut count) = (0, 0, 0);
        for segment in table.segments.iter().filter(|segment| segment.rows > 0) {
            words.extend([tiles, segment.rows, rows]);
            for column in &segment.columns {
                words.push(column.data.ptr().0);
                words.push(column.validity.as_ref().map_or(0, |validity| validity.ptr().0));
            }
            tiles += segment.rows.div_ceil(TILE_ROWS as u64);
            rows += segment.rows;
            count += 1;
        }
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let buffer = handle.alloc("segment table", bytes.len())?;
        stream.upload(&buffer, 0, &bytes)?;
        let bases = table
            .shape
            .columns
            .iter()
            .map(|column| match &column.stored {
                Stored::Int { base, .. } => *base,
                _ => 0,
            })
            .collect();
        Ok(Self { words: buffer, count, tiles, rows, bases })
    }

    /// The address of the words.
    pub fn address(&self) -> u64 {
        self.words.ptr().0
    }
}
