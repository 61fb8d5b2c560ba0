//! Columns as they rest in device memory: encodings, validity, dictionaries, facts.
//!
//! A [`DeviceTable`] is a list of segments (a row group, an uploaded input, a materialised intermediate); all
//! segments of a table store a column in the same way, so one kernel reads them all. Arrow appears here only where
//! host arrays are encoded; nothing here launches query kernels.

mod dictionary;
mod facts;
mod stored;
mod table;

pub use dictionary::Dictionary;
pub use facts::ColumnFacts;
pub use stored::{IntWidth, Stored};
pub use table::{ColumnMeta, DeviceColumn, DeviceTable, Segment, TILE_ROWS};
