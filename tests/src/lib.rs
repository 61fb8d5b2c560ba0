//! What the tests above the crates share: sessions on each device, tables in Parquet files, comparison of answers.
//!
//! The tests themselves are the folders beside `src`: `sqllogictest`, `duckdb`, `scan`, `differential`, `properties`,
//! `promises`, `tpch`, `device_source`. Only public interfaces of Maar are used here.

pub mod compare;
pub mod fixtures;
pub mod random;
pub mod render;
pub mod session;
pub mod skip;
pub mod slt;
pub mod tpch;

use std::error::Error;

/// What a helper of the tests returns: any error will do, a test only shows it.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
