//! All queries of a server: those that go on, the last of those that are over, and counts of all since it started.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use maar_engine::device::WorkReport;
use maar_engine::redacted;
use parking_lot::Mutex;
use tonic::Status;

use super::query::{Query, State, Watched};
use crate::audit::{Audit, Who};
use crate::secrets::{secret, written};

/// Queries that are over and still known.
const KEPT: usize = 1000;

/// Bytes of a statement as it is kept.
const SQL_BYTES_MAX: usize = 4096;

/// Upper ends of the classes that times are counted in.
pub(crate) const SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0];

/// What the times are of.
pub(crate) const PHASES: &[&str] = &["plan", "queue", "run"];

/// The queries of a server.
pub(crate) struct Registry {
    /// What ids of this server begin with: those of another run are others.
    prefix: String,
    next: AtomicU64,
    queries: Mutex<Queries>,
    counts: Mutex<Counts>,
    audit: Audit,
}

#[derive(Default)]
struct Queries {
    current: Vec<Arc<Query>>,
    over: VecDeque<Arc<Query>>,
}

/// What has been since the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) finished: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// By phase.
    pub(crate) times: [Times; 3],
    /// What queries were busy with.
    pub(crate) work: Vec<WorkReport>,
}

impl Counts {
    fn add_work(&mut self, done: &WorkReport) {
        match self.work.iter_mut().find(|known| known.work == done.work) {
            Some(known) => {
                known.busy_ms += done.busy_ms;
                known.bytes += done.bytes;
                known.spans += done.spans;
            }
            None => self.work.push(*done),
        }
    }
}

/// How many took how long.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    /// By class; the last one has no upper end.
    pub(crate) classes: [u64; SECONDS.len() + 1],
    pub(crate) seconds: f64,
}

impl Times {
    fn add(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        let class = SECONDS.iter().position(|end| seconds <= *end).unwrap_or(SECONDS.len());
        self.classes[class] += 1;
        self.seconds += seconds;
    }
}

impl Registry {
    /// # Errors
    /// INTERNAL when the system has no randomness to give.
    pub(crate) fn new(audit: Audit) -> Result<Self, Status> {
        let prefix = written(&secret()?)[..8].to_owned();
        let (next, queries, counts) = (AtomicU64::default(), Mutex::default(), Mutex::default());
        Ok(Self { prefix, next, queries, counts, audit })
    }

    /// A query that begins.
    ///
    /// # Errors
    /// UNAVAILABLE where the audit log cannot have it.
    pub(crate) fn begin(self: &Arc<Self>, who: Who, sql: &str) -> Result<Watched, Status> {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let query = Query::new(
            format!("{}_{number:06}", self.prefix),
            who,
            redacted(&sql[..sql.floor_char_boundary(SQL_BYTES_MAX)]),
        );
        let query = Arc::new(query);
        self.audit.begin(who, &query.id, sql)?;
        self.queries.lock().current.push(Arc::clone(&query));
        Ok(Watched::new(query, Arc::clone(self)))
    }

    /// Those that are known, the oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Query>> {
        let queries = self.queries.lock();
        queries.over.iter().chain(&queries.current).cloned().collect()
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Query>> {
        let queries = self.queries.lock();
        queries.current.iter().chain(&queries.over).find(|query| query.id == id).cloned()
    }

    /// Tells a query to end; one whose client has not come for the rows is over with that. Whether it was not over.
    pub(crate) fn cancel(&self, query: &Arc<Query>) -> bool {
        let is_new = query.cancel();
        if query.was_waiting() {
            self.over(query);
        }
        is_new
    }

    /// Tells all queries of a session to end.
    pub(crate) fn cancel_session(&self, session: u64) {
        self.queries.lock().current.iter().filter(|query| query.session == session).for_each(|query| {
            query.cancel();
        });
    }

    /// Tells all queries to end.
    pub(crate) fn cancel_all(&self) {
        self.queries.lock().current.iter().for_each(|query| {
            query.cancel();
        });
    }

    /// How many go on in a state.
    pub(crate) fn count(&self, state: State) -> usize {
        self.queries.lock().current.iter().filter(|query| query.state() == state).count()
    }

    /// How many the server works for, or will.
    pub(crate) fn active(&self) -> usize {
        self.queries.lock().current.iter().filter(|query| query.state().is_active()).count()
    }

    /// The same, of a session.
    pub(crate) fn active_of(&self, session: u64) -> usize {
        let queries = self.queries.lock();
        queries.current.iter().filter(|query| query.session == session && query.state().is_active()).count()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts.lock().clone()
    }

    /// Counts `query`, which is over now.
    pub(super) fn over(&self, query: &Arc<Query>) {
        {
            let mut queries = self.queries.lock();
            queries.current.retain(|other| !Arc::ptr_eq(other, query));
            queries.over.push_back(Arc::clone(query));
            if queries.over.len() > KEPT {
                queries.over.pop_front();
            }
        }
        self.audit.end(query);
        let progress = query.progress();
        let mut counts = self.counts.lock();
        match progress.state {
            State::Finished => counts.finished += 1,
            State::Failed => counts.failed += 1,
            _ => counts.cancelled += 1,
        }
        counts.rows += query.rows();
        counts.bytes += query.bytes();
        for (times, time) in counts.times.iter_mut().zip([progress.planning, progress.queued, progress.running]) {
            times.add(time);
        }
        query.work().iter().for_each(|done| counts.add_work(done));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_was_cancelled_and_what_is_over_stays_so() {
        let registry = Arc::new(Registry::new(Audit::default()).unwrap());
        let one = registry.begin(Who { user: Some("ada"), ..Who::default() }, "select 1").unwrap();
        let two = registry.begin(Who::default(), "select 2").unwrap();
        assert_ne!(one.query().id, two.query().id);
        assert_eq!((registry.active(), registry.count(State::Planning)), (2, 2));
        one.query().is_now(State::Running);
        one.finish();
        one.fail(&Status::internal("late"));
        drop(two);
        let states: Vec<_> = registry.all().iter().map(|query| query.state()).collect();
        assert_eq!(states, [State::Finished, State::Cancelled]);
        let counts = registry.counts();
        assert_eq!((counts.finished, counts.failed, counts.cancelled), (1, 0, 1));
        assert_eq!(counts.times[0].classes.iter().sum::<u64>(), 2);
    }

    #[test]
    fn the_past_is_bounded() {
        let registry = Arc::new(Registry::new(Audit::default()).unwrap());
        (0..KEPT + 5).for_each(|_| registry.begin(Who::default(), "select 1").unwrap().finish());
        assert_eq!(registry.all().len(), KEPT);
    }
}
