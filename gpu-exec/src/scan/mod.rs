//! From files to device columns: recognise a host scan, prune row groups, fetch, decode, encode, upload, keep.
//!
//! [`recognise`] runs while planning and reads nothing. A [`Load`] runs with the query, for all of its scans: it asks for
//! each file's state that the statement has not just listed, says what tables to expect, loads what the [`ColumnStore`] does not hold yet, and returns tables
//! whose columns are stored alike in every segment. Host inputs that are no files are a [`HostInput`]. Not
//! here: filters (they are pipelines).

mod arrival;
mod assemble;
mod bounded;
mod closed;
mod column;
mod cut;
mod decode;
mod error;
mod estimate;
mod expect;
mod fetch;
mod footer;
mod footers;
mod gather;
mod input;
mod kept;
mod kept_tables;
mod left;
mod line;
mod listed;
mod load;
mod narrow;
mod open;
mod piece;
mod pinned;
mod pinned_store;
mod predict;
mod prune;
mod read;
mod recode;
mod recognise;
mod round;
mod runs;
mod stats;
mod store;
mod stream;
mod survey;
mod tail;
mod told;
mod truth;
mod unify;
mod upload;
mod windows;
mod words;

pub use arrival::{Arrival, Unsettled};
pub use error::ScanError;
pub use footer::{guarded, read_metadata};
pub use footers::{FileAt, Footers, FootersKept, Parsed};
pub use input::{HostInput, InputChunk, InputColumns, InputStats, InputWaves};
pub use left::LeftRows;
pub use listed::Listed;
pub use load::{Expectation, Load, Loaded, Source};
pub use pinned_store::PinnedStore;
pub use recognise::{ParquetScan, recognise};
pub use runs::SEGMENT_ROWS;
pub use stats::LoadStats;
pub use store::{ColumnStore, ColumnStoreStats};
pub use stream::InputStream;
pub use truth::{MissingNullCount, is_float, truthful, without_statistics};
pub use windows::Windows;
