//! What a device has done since it was opened, counted where it happens: the ground truth of every report.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Sums since the device was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountersSnapshot {
    /// Kernels launched.
    pub launches: u64,
    /// Kernels compiled.
    pub compiled: u64,
    /// Kernels asked for and found in memory.
    pub memory_hits: u64,
    /// Kernels asked for and found on disk.
    pub disk_hits: u64,
    /// Bytes copied to the device.
    pub uploaded_bytes: u64,
    /// Bytes copied from the device.
    pub downloaded_bytes: u64,
    /// Waits for work that was queued.
    pub waits: u64,
    /// Milliseconds spent compiling, summed over parallel compilers.
    pub compile_ms: u64,
}

/// The live counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    launches: AtomicU64,
    compiled: AtomicU64,
    memory_hits: AtomicU64,
    disk_hits: AtomicU64,
    uploaded_bytes: AtomicU64,
    downloaded_bytes: AtomicU64,
    waits: AtomicU64,
    compile_us: AtomicU64,
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn launched(&self) {
        add(&self.launches, 1);
    }

    pub(crate) fn compiled(&self, took: Duration) {
        add(&self.compiled, 1);
        add(&self.compile_us, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn memory_hit(&self) {
        add(&self.memory_hits, 1);
    }

    pub(crate) fn disk_hit(&self) {
        add(&self.disk_hits, 1);
    }

    pub(crate) fn uploaded(&self, bytes: usize) {
        add(&self.uploaded_bytes, bytes as u64);
    }

    pub(crate) fn downloaded(&self, bytes: usize) {
        add(&self.downloaded_bytes, bytes as u64);
    }

    pub(crate) fn waited(&self) {
        add(&self.waits, 1);
    }

    pub(crate) fn snapshot(&self) -> CountersSnapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CountersSnapshot {
            launches: get(&self.launches),
            compiled: get(&self.compiled),
            memory_hits: get(&self.memory_hits),
            disk_hits: get(&self.disk_hits),
            uploaded_bytes: get(&self.uploaded_bytes),
            downloaded_bytes: get(&self.downloaded_bytes),
            waits: get(&self.waits),
            compile_ms: get(&self.compile_us) / 1000,
        }
    }
}
