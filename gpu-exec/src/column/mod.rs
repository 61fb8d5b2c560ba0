//! Columns as they rest in device memory: encodings, validity, dictionaries, facts.
//!
//! A [`DeviceTable`] is a list of segments (a row group, an uploaded input, a materialised intermediate); all
//! segments of a table store a column in the same way, so one kernel reads them all. Arrow appears here only where
//! host arrays are encoded; nothing here launches query kernels.

mod dictionary;
mod encode;
mod facts;
mod layout;
mod stored;
mod table;

pub use dictionary::{Dictionary, DictionaryUnion, Remap};
pub(crate) use encode::all_null;
pub use encode::{ChunkEncoder, EncodeError, EncodedChunk, LayoutMiss, Target, integer_range};
pub use facts::{ChunkFacts, ColumnFacts, Elsewhere};
pub use layout::{IntLayout, full_layout};
pub use stored::Stored;
pub use table::{ColumnMeta, DeviceColumn, DeviceTable, Segment, TILE_ROWS, padded_rows};
