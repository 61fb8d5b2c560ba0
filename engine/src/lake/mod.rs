//! Tables that a log or metadata describes, rather than a listing: which files are theirs now or were at some version, which rows of them
//! are deleted, what columns are called in them (ADR 'Table formats').
//!
//! Each format makes a [`Snapshot`](snapshot::Snapshot) of its metadata (`delta`, `iceberg`); one provider (`table`) scans it through the scan of Parquet
//! files that tables of files use. Not here: tables of files without a log (`files`), writing.

mod bitmap;
mod bounds;
mod by_values;
mod columns;
mod deleted;
mod delta;
mod find;
mod iceberg;
mod named;
mod names;
mod place;
mod prune;
mod scan;
mod snapshot;
mod statement;
mod table;
mod version;

pub(crate) use find::{Format, check_target, in_listing};
pub(crate) use statement::{Kept, Snapshots};
pub(crate) use table::{as_it_is, at_folder, factories, scan as read};
