//! When a query was busy with what, and how much of that at once.
//!
//! A span is work of one kind between two times of the host's clock. Spans are not kept: for each kind there is the time in
//! which at least one span of it was open (two at once count once), and over all kinds the time in which any was and in which
//! two kinds were. That is brought up to date whenever a span opens or closes, a few times a launch, a request or a chunk.
//!
//! A kernel's span begins when it is queued and ends when the host has learnt that it is done; the time on the device alone is
//! in its pipeline's report. Waiting is not work: it is for what none of the others is, rows of the host's operators and the
//! one who reads the result, or for work that has spans of its own, like a wave on its way. It overlaps with nothing.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::work::{FirstKernel, KINDS, TimelineReport, Work, WorkReport};

/// The live record.
#[derive(Debug)]
pub(super) struct Timeline {
    begun: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    kinds: [Kind; KINDS.len()],
    /// Until when all times are counted.
    counted: Instant,
    busy: Duration,
    overlap: Duration,
    first_kernel: Option<(Instant, u64)>,
    ended: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Kind {
    open: u32,
    busy: Duration,
    bytes: u64,
    spans: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self::begun_at(Instant::now())
    }
}

impl Timeline {
    fn begun_at(begun: Instant) -> Self {
        let state = State {
            kinds: Default::default(),
            counted: begun,
            busy: Duration::ZERO,
            overlap: Duration::ZERO,
            first_kernel: None,
            ended: None,
        };
        Self { begun, state: Mutex::new(state) }
    }

    pub(super) fn open(&self, work: Work) {
        // The clock is read under the lock: times come in their order.
        let mut state = self.state.lock();
        state.open(work, Instant::now());
    }

    pub(super) fn close(&self, work: Work) {
        let mut state = self.state.lock();
        state.close(work, Instant::now());
    }

    pub(super) fn add(&self, work: Work, bytes: u64) {
        self.state.lock().kinds[work as usize].bytes += bytes;
    }

    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.end(Instant::now());
    }

    pub(super) fn report(&self) -> TimelineReport {
        let mut state = self.state.lock();
        state.report(self.begun, Instant::now())
    }
}

impl State {
    fn open(&mut self, work: Work, now: Instant) {
        self.count(now);
        if work == Work::Kernel && self.first_kernel.is_none() {
            self.first_kernel = Some((now, self.kinds[Work::Fetch as usize].bytes));
        }
        let kind = &mut self.kinds[work as usize];
        kind.open += 1;
        kind.spans += 1;
    }

    fn close(&mut self, work: Work, now: Instant) {
        self.count(now);
        let kind = &mut self.kinds[work as usize];
        kind.open = kind.open.saturating_sub(1);
    }

    fn end(&mut self, now: Instant) {
        self.count(now);
        self.ended.get_or_insert(now);
    }

    /// Adds the time since it was done last, to what is open.
    fn count(&mut self, now: Instant) {
        let now = self.ended.unwrap_or(now);
        let passed = now.saturating_duration_since(self.counted);
        self.counted = now.max(self.counted);
        let mut at_once = 0;
        for (kind, work) in self.kinds.iter_mut().zip(KINDS).filter(|(kind, _)| kind.open > 0) {
            kind.busy += passed;
            at_once += usize::from(work != Work::Wait);
        }
        if at_once > 0 {
            self.busy += passed;
        }
        if at_once > 1 {
            self.overlap += passed;
        }
    }

    fn report(&mut self, begun: Instant, now: Instant) -> TimelineReport {
        self.count(now);
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let report = |(work, kind): (Work, &Kind)| WorkReport {
            work,
            busy_ms: ms(kind.busy),
            bytes: kind.bytes,
            spans: kind.spans,
        };
        let work = KINDS.into_iter().zip(&self.kinds).filter(|(_, kind)| kind.spans > 0 || kind.bytes > 0);
        TimelineReport {
            elapsed_ms: ms(self.ended.unwrap_or(now).saturating_duration_since(begun)),
            work: work.map(report).collect(),
            busy_ms: ms(self.busy),
            overlap_ms: ms(self.overlap),
            first_kernel: self.first_kernel.map(|(at, fetched_bytes)| FirstKernel {
                at_ms: ms(at.saturating_duration_since(begun)),
                fetched_bytes,
            }),
        }
    }
}

/// Work that is being done, until this is dropped.
#[derive(Debug)]
pub struct Span<'a> {
    timeline: &'a Timeline,
    work: Work,
}

impl<'a> Span<'a> {
    pub(super) fn new(timeline: &'a Timeline, work: Work) -> Self {
        timeline.open(work);
        Self { timeline, work }
    }

    /// It has dealt with so many bytes.
    pub fn add(&self, bytes: u64) {
        self.timeline.add(self.work, bytes);
    }
}

impl Drop for Span<'_> {
    fn drop(&mut self) {
        self.timeline.close(self.work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A timeline whose clock is told.
    struct Told {
        begun: Instant,
        state: State,
    }

    impl Told {
        fn new() -> Self {
            let Timeline { begun, state } = Timeline::default();
            Self { begun, state: state.into_inner() }
        }

        fn at(&self, ms: u64) -> Instant {
            self.begun + Duration::from_millis(ms)
        }

        fn open(&mut self, ms: u64, work: Work) {
            self.state.open(work, self.at(ms));
        }

        fn close(&mut self, ms: u64, work: Work) {
            self.state.close(work, self.at(ms));
        }

        fn report(&mut self, ms: u64) -> TimelineReport {
            self.state.report(self.begun, self.at(ms))
        }
    }

    fn busy(report: &TimelineReport, work: Work) -> f64 {
        report.of(work).map_or(0.0, |report| report.busy_ms.round())
    }

    #[test]
    fn kinds_are_in_their_places() {
        assert!(KINDS.iter().enumerate().all(|(at, work)| *work as usize == at));
    }

    #[test]
    fn two_spans_of_a_kind_at_once_are_counted_once() {
        let mut told = Told::new();
        told.open(10, Work::Fetch);
        told.open(20, Work::Fetch);
        told.close(50, Work::Fetch);
        told.close(70, Work::Fetch);
        told.open(90, Work::Fetch);
        told.close(100, Work::Fetch);
        let report = told.report(200);
        assert_eq!((busy(&report, Work::Fetch), report.of(Work::Fetch).map(|fetch| fetch.spans)), (70.0, Some(3)));
        assert_eq!((report.busy_ms.round(), report.overlap_ms, report.elapsed_ms.round()), (70.0, 0.0, 200.0));
    }

    #[test]
    fn two_kinds_at_once_overlap_and_waiting_does_not() {
        let mut told = Told::new();
        told.open(0, Work::Wait);
        told.open(10, Work::Fetch);
        told.open(30, Work::Decode);
        told.close(50, Work::Fetch);
        told.close(60, Work::Decode);
        told.close(100, Work::Wait);
        let report = told.report(100);
        assert_eq!((report.busy_ms.round(), report.overlap_ms.round()), (50.0, 20.0));
        assert_eq!(
            (busy(&report, Work::Wait), report.longest().map(|longest| longest.work)),
            (100.0, Some(Work::Fetch))
        );
        assert!((report.overlap() - 0.2).abs() < 1e-9, "{report:?}");
    }

    #[test]
    fn it_can_be_read_while_work_is_open_and_stands_still_at_its_end() {
        let mut told = Told::new();
        told.open(0, Work::Fetch);
        assert_eq!(busy(&told.report(40), Work::Fetch), 40.0);
        told.state.kinds[Work::Fetch as usize].bytes = 30;
        told.open(50, Work::Kernel);
        told.state.kinds[Work::Fetch as usize].bytes = 90;
        told.state.end(told.at(60));
        told.state.end(told.at(70));
        told.close(80, Work::Kernel);
        let report = told.report(500);
        assert_eq!(
            (report.elapsed_ms.round(), busy(&report, Work::Fetch), busy(&report, Work::Kernel)),
            (60.0, 60.0, 10.0)
        );
        assert_eq!(report.first_kernel.map(|first| (first.at_ms.round(), first.fetched_bytes)), Some((50.0, 30)));
        assert!(report.to_string().ends_with("first_kernel_ms=50.000, fetched_before_it=33%"), "{report}");
    }
}
