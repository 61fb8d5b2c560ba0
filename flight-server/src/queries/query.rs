//! One query: whose it is, what it says, how far it is, and what became of it. What tells it to end is here as well.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use maar_engine::device::WorkReport;
use maar_engine::{QueryReport, Watch, redacted};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tonic::{Code, Status};

use super::details;
use super::progress::Fraction;
use super::registry::Registry;
use crate::audit::Who;
use crate::trace_context::TraceId;

/// How far a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Planning,
    /// Its client has not come for the rows yet.
    Planned,
    /// It waits for a place among those that run.
    Queued,
    Running,
    Finished,
    Failed,
    Cancelled,
}

/// Every state with its name.
pub(crate) const STATES: &[(State, &str)] = &[
    (State::Planning, "planning"),
    (State::Planned, "planned"),
    (State::Queued, "queued"),
    (State::Running, "running"),
    (State::Finished, "finished"),
    (State::Failed, "failed"),
    (State::Cancelled, "cancelled"),
];

impl State {
    pub(crate) fn name(self) -> &'static str {
        STATES.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled)
    }

    /// Whether the server works for it, or will as soon as it can.
    pub(crate) fn is_active(self) -> bool {
        matches!(self, Self::Planning | Self::Queued | Self::Running)
    }
}

/// A query.
pub(crate) struct Query {
    pub(crate) id: String,
    /// The number of its session.
    pub(crate) session: u64,
    pub(crate) user: Option<String>,
    peer: Option<SocketAddr>,
    /// What its call is part of, as its client says.
    pub(crate) trace: Option<TraceId>,
    /// What it says, without secrets.
    pub(crate) sql: String,
    pub(crate) started: SystemTime,
    began: Instant,
    rows: AtomicU64,
    bytes: AtomicU64,
    is_told: AtomicBool,
    told: Notify,
    progress: Mutex<Progress>,
    fraction: Fraction,
    reported: Mutex<Option<Reported>>,
}

/// What the engine said of it once it ran no more.
struct Reported {
    details: Arc<str>,
    work: Vec<WorkReport>,
}

/// What changes while it goes on.
#[derive(Clone)]
pub(crate) struct Progress {
    pub(crate) state: State,
    /// Since when it is in this state.
    since: Instant,
    pub(crate) planning: Duration,
    pub(crate) queued: Duration,
    pub(crate) running: Duration,
    /// From its beginning to its end, once that is there.
    over: Option<Duration>,
    pub(crate) device: Option<String>,
    pub(crate) error: Option<String>,
}

impl Query {
    pub(super) fn new(id: String, who: Who, sql: String) -> Self {
        let now = Instant::now();
        let progress = Progress {
            state: State::Planning,
            since: now,
            planning: Duration::ZERO,
            queued: Duration::ZERO,
            running: Duration::ZERO,
            over: None,
            device: None,
            error: None,
        };
        Self {
            id,
            session: who.session.unwrap_or_default(),
            user: who.user.map(str::to_owned),
            peer: who.peer,
            trace: who.trace,
            sql,
            started: SystemTime::now(),
            began: now,
            rows: AtomicU64::default(),
            bytes: AtomicU64::default(),
            is_told: AtomicBool::default(),
            told: Notify::new(),
            progress: Mutex::new(progress),
            fraction: Fraction::default(),
            reported: Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.progress.lock().state
    }

    /// All that changes, as it is now.
    pub(crate) fn progress(&self) -> Progress {
        let mut progress = self.progress.lock().clone();
        progress.pass_to(progress.state, Instant::now());
        progress
    }

    /// Whose it is.
    pub(crate) fn who(&self) -> Who<'_> {
        Who { user: self.user.as_deref(), session: Some(self.session), peer: self.peer, trace: self.trace }
    }

    /// From its beginning until now or its end.
    pub(crate) fn elapsed(&self) -> Duration {
        self.progress.lock().over.unwrap_or_else(|| self.began.elapsed())
    }

    /// Rows that were sent, or changed.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Bytes that were sent.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn count_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn count_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Its rows are being made; `watch` sees that.
    pub(crate) fn runs(&self, watch: Option<Watch>) {
        self.fraction.runs(watch);
    }

    /// The engine's word on it, once it runs no more.
    pub(crate) fn ran(&self, report: &QueryReport) {
        self.fraction.ends();
        self.progress.lock().device = Some(report.device().to_owned());
        let reported = Reported { details: details::written(report), work: report.timeline.work.clone() };
        *self.reported.lock() = Some(reported);
    }

    /// How far it is, from 0 to 1; `None` where that cannot be told.
    pub(crate) fn fraction(&self) -> Option<f64> {
        match self.state() {
            State::Planning | State::Planned | State::Queued => Some(0.0),
            State::Finished => Some(1.0),
            State::Running | State::Failed | State::Cancelled => self.fraction.now(),
        }
    }

    /// What the engine says of it, as JSON: at its end, or so far. `None` of one that has not run and of a change.
    pub(crate) fn details(&self) -> Option<Arc<str>> {
        if let Some(reported) = &*self.reported.lock() {
            return Some(Arc::clone(&reported.details));
        }
        let report = self.fraction.watch()?.report()?;
        Some(details::written(&report))
    }

    /// What it was busy with.
    pub(super) fn work(&self) -> Vec<WorkReport> {
        self.reported.lock().as_ref().map(|reported| reported.work.clone()).unwrap_or_default()
    }

    /// Tells it to end. Whether it was not over.
    pub(crate) fn cancel(&self) -> bool {
        // Looked at before it is told: what runs it may end it at once.
        let is_new = !self.state().is_over();
        self.is_told.store(true, Ordering::SeqCst);
        self.told.notify_waiters();
        is_new
    }

    /// Ready when it is told to end, and from then on.
    pub(crate) async fn told(&self) {
        let mut told = pin!(self.told.notified());
        // It waits from here on: what is told after the look is not missed.
        told.as_mut().enable();
        if !self.is_told.load(Ordering::SeqCst) {
            told.await;
        }
    }

    /// It goes on as `state`, unless it is over.
    pub(crate) fn is_now(&self, state: State) {
        let mut progress = self.progress.lock();
        if !progress.state.is_over() {
            progress.pass_to(state, Instant::now());
        }
    }

    /// Whether it waited for its client; then it is over, as there is nothing to wait for.
    pub(super) fn was_waiting(&self) -> bool {
        self.state() == State::Planned && self.ends(State::Cancelled, None)
    }

    /// It is over. Whether it was not before.
    fn ends(&self, state: State, error: Option<String>) -> bool {
        let mut progress = self.progress.lock();
        if progress.state.is_over() {
            return false;
        }
        progress.pass_to(state, Instant::now());
        progress.over = Some(self.began.elapsed());
        progress.error = error;
        true
    }
}

impl Progress {
    fn pass_to(&mut self, state: State, now: Instant) {
        let passed = now.saturating_duration_since(self.since);
        match self.state {
            State::Planning => self.planning += passed,
            State::Queued => self.queued += passed,
            State::Running => self.running += passed,
            State::Planned | State::Finished | State::Failed | State::Cancelled => {}
        }
        (self.state, self.since) = (state, now);
    }
}

/// A query that goes on as long as somebody holds this: dropped before its end it was cancelled.
pub(crate) struct Watched {
    query: Arc<Query>,
    registry: Arc<Registry>,
}

impl Watched {
    pub(super) fn new(query: Arc<Query>, registry: Arc<Registry>) -> Self {
        Self { query, registry }
    }

    pub(crate) fn query(&self) -> &Arc<Query> {
        &self.query
    }

    pub(crate) fn finish(&self) {
        self.end(State::Finished, None);
    }

    pub(crate) fn fail(&self, status: &Status) {
        match status.code() {
            Code::Cancelled => self.end(State::Cancelled, None),
            _ => self.end(State::Failed, Some(redacted(status.message()))),
        }
    }

    /// What `work` gives, unless the query is told to end before.
    ///
    /// # Errors
    /// CANCELLED then; those of `work`, which are the query's end.
    pub(crate) async fn unless_told<T>(&self, work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let done = tokio::select! {
            biased;
            () = self.query.told() => Err(cancelled()),
            done = work => done,
        };
        done.inspect_err(|status| self.fail(status))
    }

    fn end(&self, state: State, error: Option<String>) {
        if self.query.ends(state, error) {
            self.registry.over(&self.query);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.end(State::Cancelled, None);
    }
}

pub(crate) fn cancelled() -> Status {
    Status::cancelled("the query was cancelled")
}
