//! Columns as they rest in device memory: encodings, validity, dictionaries, facts.
//!
//! A [`TableShape`] says what is known of a table: how its columns are stored, facts, a bound of its rows. A
//! [`DeviceTable`] has the data besides, as a list of segments (a row group, an uploaded input, a materialised
//! intermediate); all of them are stored as the shape says, so one kernel reads them all. Arrow appears here only
//! where host arrays are encoded; nothing here launches query kernels.

mod derived;
mod dictionary;
mod encode;
mod facts;
mod layout;
mod located;
mod merge;
mod prefix;
mod shape;
mod stored;
mod table;
mod translations;
mod upload;

pub use dictionary::{Dictionary, Remap};
pub use encode::{ChunkEncoder, EncodeError, EncodedChunk, LayoutMiss, Target, integer_range};
pub(crate) use encode::{Form, all_null, null_array};
pub use facts::{ChunkFacts, ColumnFacts, Elsewhere};
pub use layout::{IntLayout, full_layout};
pub use located::SegmentTable;
pub use shape::{ColumnMeta, RowBound, TableShape};
pub use stored::Stored;
pub use table::{DeviceColumn, DeviceTable, Segment, TILE_ROWS, padded_rows};
pub use translations::{OnDevice, OnHost, Translations};
