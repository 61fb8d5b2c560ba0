//! Placement seen from outside: SQL over small Parquet files, the lowered plans as snapshots, every reason by name.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod expressions;
mod fixture;
mod host;
mod host_form;
mod page;
mod queries;
mod reports;
