//! Sources: the segment table a pipeline walks.

use crate::column::{DeviceTable, Stored, TILE_ROWS};
use crate::device::{DeviceBuffer, DeviceHandle, Stream};
use crate::error::Result;
use crate::strategy::Stage;

/// A table's segments as the device sees them (`SegmentCursor` in tile.cuh).
#[derive(Debug)]
pub(super) struct SegmentTable {
    pub(super) words: DeviceBuffer,
    pub(super) count: u64,
    pub(super) tiles: u64,
    pub(super) rows: u64,
    /// What is added to the stored values of each column.
    pub(super) bases: Vec<i128>,
}

/// Bytes of a table that a stage reads at least: its columns once.
pub(super) fn bytes_read(stage: &Stage, table: &DeviceTable) -> u64 {
    let tested = stage.texts_read();
    let bytes = |column: &usize| match &table.shape.columns[*column].stored {
        Stored::RawText if tested.contains(column) => {
            table.segments.iter().map(|segment| segment.columns[*column].data.len() as u64).sum()
        }
        // What is only carried is not looked at.
        Stored::RawText => 0,
        stored => stored.bytes() as u64 * table.rows(),
    };
    stage.columns_read().iter().map(bytes).sum()
}

impl SegmentTable {
    pub(super) fn upload(handle: &DeviceHandle, stream: &Stream, table: &DeviceTable) -> Result<Self> {
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
}
