//! What a queue is busy with as far as the host knows, for the trace of a query.
//!
//! A queue does one thing after another and says only that all is done. So it counts as busy with copies to the device from
//! the first that is queued, with kernels from the first launch, which comes after the copies it needs, and with nothing once
//! it was waited for. Not here: how long the device took for itself ([`super::TimeMark`]).

use std::sync::Arc;

use parking_lot::Mutex;

use crate::trace::{Trace, Work};

/// A queue whose work is noted.
#[derive(Debug)]
pub(super) struct Busy {
    trace: Arc<Trace>,
    with: Mutex<Option<Work>>,
}

impl Busy {
    pub(super) fn new(trace: &Arc<Trace>) -> Self {
        Self { trace: Arc::clone(trace), with: Mutex::new(None) }
    }

    pub(super) fn uploads(&self, bytes: usize) {
        self.trace.add(Work::Upload, bytes as u64);
        let mut with = self.with.lock();
        if with.is_none() {
            self.trace.open(Work::Upload);
            *with = Some(Work::Upload);
        }
    }

    pub(super) fn launches(&self) {
        let mut with = self.with.lock();
        if *with != Some(Work::Kernel) {
            if let Some(before) = with.replace(Work::Kernel) {
                self.trace.close(before);
            }
            self.trace.open(Work::Kernel);
        }
    }

    /// Copies from the device, which waits for all that is queued.
    pub(super) fn downloads<T>(&self, bytes: usize, copy: impl FnOnce() -> T) -> T {
        let is_idle = self.with.lock().is_none();
        let span = is_idle.then(|| self.trace.span(Work::Download));
        let done = copy();
        drop(span);
        self.trace.add(Work::Download, bytes as u64);
        self.is_done();
        done
    }

    /// All that was queued has been waited for.
    pub(super) fn is_done(&self) {
        if let Some(before) = self.with.lock().take() {
            self.trace.close(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_busy_with_one_thing_at_a_time() {
        let trace = Arc::new(Trace::default());
        let busy = Busy::new(&trace);
        busy.uploads(5);
        busy.uploads(6);
        busy.launches();
        busy.uploads(1);
        busy.launches();
        busy.downloads(3, || ());
        busy.downloads(4, || ());
        busy.is_done();
        let report = trace.timeline();
        let of = |work| report.of(work).map(|report| (report.spans, report.bytes));
        assert_eq!(
            (of(Work::Upload), of(Work::Kernel), of(Work::Download)),
            (Some((1, 12)), Some((1, 0)), Some((1, 7)))
        );
        assert_eq!(report.overlap_ms, 0.0);
    }
}
