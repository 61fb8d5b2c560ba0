//! One query: whose it is, what it says, how far it is, and what became of it. What tells it to end is here as well.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tonic::{Code, Status};

use super::redacted::redacted;
use super::registry::Registry;
use crate::audit::Who;

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
    /// What it says, without secrets.
    pub(crate) sql: String,
    pub(crate) started: SystemTime,
    began: Instant,
    rows: AtomicU64,
    bytes: AtomicU64,
    told: Notify,
    progress: Mutex<Progress>,
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
            sql,
            started: SystemTime::now(),
            began: now,
            rows: AtomicU64::default(),
            bytes: AtomicU64::default(),
            told: Notify::new(),
            progress: Mutex::new(progress),
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
        Who { user: self.user.as_deref(), session: Some(self.session), peer: self.peer }
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

    /// What ran it, as the engine names it.
    pub(crate) fn ran_on(&self, device: String) {
        self.progress.lock().device = Some(device);
    }

    /// Tells it to end. Whether it was not over.
    pub(crate) fn cancel(&self) -> bool {
        // Looked at before it is told: what runs it may end it at once.
        let is_new = !self.state().is_over();
        self.told.notify_one();
        is_new
    }

    /// Ready when it is told to end.
    pub(crate) async fn told(&self) {
        self.told.notified().await;
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
