//! Sources: what a pipeline reads of the table that it walks.

use crate::column::{DeviceTable, Stored};
use crate::strategy::Stage;

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
