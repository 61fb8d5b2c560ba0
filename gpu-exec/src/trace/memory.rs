//! The most memory of each kind that was in use while a query ran, as far as it is known whose it is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Trace;

/// The live numbers.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) device: Arc<AtomicU64>,
    pinned: AtomicU64,
    host: AtomicU64,
    host_peak: AtomicU64,
}

/// Peaks, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryPeaks {
    /// Of device memory in use while the query ran, by all of the process: resident columns and other queries are in it.
    pub device_bytes: u64,
    /// Of page-locked memory that copies pass through, of the process: it is made once and stays.
    pub pinned_bytes: u64,
    /// Of host memory that the query's rows took on their way to the device: fetched, kept or encoded. What decoding takes for
    /// itself and what operators of the host take are not in it.
    pub host_bytes: u64,
}

impl Memory {
    pub(super) fn note_pinned(&self, bytes: u64) {
        self.pinned.fetch_max(bytes, Ordering::Relaxed);
    }

    pub(super) fn peaks(&self) -> MemoryPeaks {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        MemoryPeaks {
            device_bytes: get(&self.device),
            pinned_bytes: get(&self.pinned),
            host_bytes: get(&self.host_peak),
        }
    }

    fn change(&self, before: u64, after: u64) {
        if after <= before {
            self.host.fetch_sub(before - after, Ordering::Relaxed);
            return;
        }
        let more = after - before;
        let now = self.host.fetch_add(more, Ordering::Relaxed) + more;
        self.host_peak.fetch_max(now, Ordering::Relaxed);
    }
}

/// Host memory that rows take. Dropping it says that it was given back.
#[derive(Debug)]
pub struct Held {
    trace: Arc<Trace>,
    bytes: AtomicU64,
}

impl Held {
    pub(super) fn new(trace: &Arc<Trace>, bytes: u64) -> Self {
        let held = Self { trace: Arc::clone(trace), bytes: AtomicU64::new(0) };
        held.set(bytes);
        held
    }

    /// It is so many bytes now.
    pub fn set(&self, bytes: u64) {
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        self.trace.memory.change(before, bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl fmt::Display for MemoryPeaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device_bytes, pinned_bytes, host_bytes } = self;
        writeln!(f, "device: peak_bytes={device_bytes} (of the process while the query ran)")?;
        writeln!(f, "pinned: peak_bytes={pinned_bytes} (of the process)")?;
        write!(f, "host: peak_bytes={host_bytes} (rows of the query on their way to the device)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_of_what_is_held_at_once() {
        let trace = Arc::new(Trace::default());
        let first = trace.hold(100);
        drop(trace.hold(50));
        let second = trace.hold(20);
        first.set(60);
        assert_eq!(trace.memory().host_bytes, 150);
        second.set(120);
        assert_eq!(trace.memory().host_bytes, 180);
        drop((first, second));
        let again = trace.hold(170);
        assert_eq!((trace.memory().host_bytes, trace.memory.host.load(Ordering::Relaxed)), (180, 170));
        drop(again);
        trace.note_pinned(7);
        trace.note_pinned(3);
        assert_eq!(trace.memory(), MemoryPeaks { device_bytes: 0, pinned_bytes: 7, host_bytes: 180 });
    }
}
