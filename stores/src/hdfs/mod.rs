//! HDFS, by Hadoop's own protocols: `hdfs://` and `viewfs://`. Files and folders, for those who know objects alone: a file is
//! written under a name that no list shows and gets its own once it is whole; its tag is its time and its length.
//!
//! Not here: which secret a path has (`bucket`), and the protocols themselves (`hdfs-native`).

mod failure;
mod listing;
mod open;
mod reading;
mod store;
mod upload;
mod writing;

pub use failure::HdfsFailure;
pub(crate) use open::open;
