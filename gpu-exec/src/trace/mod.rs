//! What a query is busy with and what memory it takes, while it runs: one record a query, that all who work for it add to and
//! that can be read at any time.
//!
//! An extension of the configuration that a statement is planned and run with; who runs plans without it gets one for each
//! device node. It holds sums, so it takes the same few hundred bytes however long a query runs. Not here: what a pipeline or
//! a load did (`report.rs`).

mod memory;
mod timeline;
mod work;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use memory::{Held, MemoryPeaks};
pub use timeline::Span;
pub use work::{FirstKernel, TimelineReport, Work, WorkReport};

/// See the module.
#[derive(Debug, Default)]
pub struct Trace {
    timeline: timeline::Timeline,
    memory: memory::Memory,
}

impl Trace {
    /// Work that begins now and ends when the span is dropped.
    pub fn span(&self, work: Work) -> Span<'_> {
        Span::new(&self.timeline, work)
    }

    /// The same where no scope of the code is as long as the work: one [`Trace::close`] for each.
    pub fn open(&self, work: Work) {
        self.timeline.open(work);
    }

    pub fn close(&self, work: Work) {
        self.timeline.close(work);
    }

    /// Bytes that some work has dealt with.
    pub fn add(&self, work: Work, bytes: u64) {
        self.timeline.add(work, bytes);
    }

    /// Host memory that rows of the query take until the answer is dropped.
    pub fn hold(self: &Arc<Self>, bytes: u64) -> Held {
        Held::new(self, bytes)
    }

    /// The most device memory that was in use meanwhile, to be raised by who gives it out.
    pub fn device_peak(&self) -> &Arc<AtomicU64> {
        &self.memory.device
    }

    /// Page-locked memory that the device's copies pass through.
    pub fn note_pinned(&self, bytes: u64) {
        self.memory.note_pinned(bytes);
    }

    /// The query is over. What is still being put away counts no more.
    pub fn end(&self) {
        self.timeline.end();
    }

    /// What was done so far.
    pub fn timeline(&self) -> TimelineReport {
        self.timeline.report()
    }

    /// What was taken so far.
    pub fn memory(&self) -> MemoryPeaks {
        self.memory.peaks()
    }
}
