//! From files to device columns: recognise a host scan, prune row groups, fetch, decode, encode, upload, keep.
//!
//! [`recognise`] runs while planning and reads nothing. [`load`] runs with the query: it asks for each file's state,
//! loads what the [`ColumnStore`] does not hold yet, and returns a table whose columns are stored alike in every
//! segment. Host inputs that are no files come through [`upload_batches`]. Not here: filters (they are pipelines).

mod error;
mod footer;
mod prune;
mod recognise;

pub use error::ScanError;
pub use recognise::{ParquetScan, recognise};
