//! Generated source, to be read: the CUDA of known queries as snapshots, and what all of it promises.
//!
//! SQL is planned and placed, its scans are encoded for a device, strategy and codegen do the rest; nothing is uploaded,
//! compiled or launched here. Not here: whether the source is right (`queries`), or compiles for a GPU (the
//! workspace's `device_source`).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod data;
mod generated;
mod promises;
mod queries;
