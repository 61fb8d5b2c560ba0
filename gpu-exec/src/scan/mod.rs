//! From files to device columns: recognise a host scan, prune row groups, fetch, decode, encode, upload, keep.
//!
//! [`recognise`] runs while planning and reads nothing. [`load`] runs with the query: it asks for each file's state,
//! loads what the [`ColumnStore`] does not hold yet, and returns a table whose columns are stored alike in every
//! segment. Host inputs that are no files come through [`upload_batches`]. Not here: filters (they are pipelines).

mod decode;
mod error;
mod fetch;
mod footer;
mod load;
mod open;
mod piece;
mod predict;
mod prune;
mod read;
mod recode;
mod recognise;
mod stats;
mod store;
mod truth;
mod unify;
mod upload;

pub use error::ScanError;
pub use footer::{guarded, read_metadata};
pub use load::{Loaded, load};
pub use recognise::{ParquetScan, recognise};
pub use stats::LoadStats;
pub use store::{ColumnStore, ColumnStoreStats};
pub use truth::{MissingNullCount, is_float, truthful, without_statistics};
pub use upload::upload_batches;
