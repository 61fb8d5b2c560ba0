//! What the stages of a run did, in numbers: what a report is made of (`exec/account.rs`).

use super::spill::Written;

/// What one stage did.
#[derive(Clone, Debug, Default)]
pub struct StageReport {
    /// Rows of its source, and the bytes of them that it reads at least.
    pub rows_in: u64,
    pub bytes: u64,
    /// Milliseconds on the device, from its first launch to its last.
    pub kernel_ms: f64,
    pub launches: u64,
    /// How often it read its source, and in how many parts the table was held that it fills.
    pub passes: u64,
    pub parts: u64,
    /// Rows that it wrote out.
    pub written: Written,
    pub sorted: Sorted,
}

/// What was done to put rows in order: those of a result, and those of a window that are read, with what is made beside them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sorted {
    pub rows: u64,
    /// Runs that were sorted one by one. Of a result they are merged on the host where they are several.
    pub runs: u64,
    /// Milliseconds on the device.
    pub kernel_ms: f64,
}
