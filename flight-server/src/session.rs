//! One client's session: the engine's, and what the client left with the server between two calls.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use maar_engine::{ClientRights, Session};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use crate::audit::Who;
use crate::common::Common;
use crate::handles::Handles;
use crate::polling::Polled;
use crate::prepared::Prepared;
use crate::queries::{Admission, Place, Query, State, Watched};
use crate::role::Role;
use crate::running::Running;
use crate::steps::Waiting;
use crate::system::{self, Viewer};
use crate::trace_context::TraceId;

/// Statements that are planned and not yet fetched, and for how long they wait.
const STATEMENTS_MAX: usize = 256;
const STATEMENT_TTL: Duration = Duration::from_secs(5 * 60);

/// Statements that run for a client that asks how far they are, and for how long they go on when it asks no more.
const POLLED_MAX: usize = 32;
pub(crate) const POLLED_TTL: Duration = Duration::from_secs(2 * 60);

/// For how long an unused prepared statement is kept.
const PREPARED_TTL: Duration = Duration::from_secs(60 * 60);

/// Whose a session is.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    /// Nobody's where there are no users.
    pub(crate) user: Option<String>,
    pub(crate) role: Role,
}

impl Owner {
    /// Everyone, where there are no users.
    pub(crate) fn nobody() -> Self {
        Self { user: None, role: Role::Writer }
    }
}

/// A session. What it keeps goes with it.
pub(crate) struct ClientSession {
    pub(crate) engine: Session,
    pub(crate) number: u64,
    pub(crate) owner: Owner,
    pub(crate) statements: Handles<Waiting>,
    pub(crate) polled: Handles<Arc<Polled>>,
    pub(crate) prepared: Handles<Arc<Prepared>>,
    pub(crate) running: Running,
    pub(crate) common: Arc<Common>,
    pub(crate) opened: SystemTime,
    /// Of those that run.
    line: Arc<Semaphore>,
    used: Mutex<Instant>,
    /// Its places among the sessions that the server admits, and those of its user.
    _places: Vec<OwnedSemaphorePermit>,
}

impl ClientSession {
    pub(crate) fn new(common: &Arc<Common>, owner: Owner, places: Vec<OwnedSemaphorePermit>) -> Self {
        let is_administrator = owner.role == Role::Admin;
        let named = common.places.clone().filter(|_| !is_administrator);
        let engine = common.base.for_client_with(ClientRights { places: named, is_administrator });
        let number = common.next_session();
        system::install(&engine, Viewer::new(common, &owner, number));
        Self {
            engine,
            number,
            owner,
            statements: Handles::new("statement", STATEMENTS_MAX, STATEMENT_TTL),
            polled: Handles::new("running statement", POLLED_MAX, POLLED_TTL),
            prepared: Handles::new("prepared statement", common.limits.prepared, PREPARED_TTL),
            running: Running::default(),
            line: Admission::of_session(&common.limits),
            common: Arc::clone(common),
            opened: SystemTime::now(),
            used: Mutex::new(Instant::now()),
            _places: places,
        }
    }

    /// A place for `query` among those that run.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when too many wait, or this one for too long.
    pub(crate) async fn enter(&self, query: &Query) -> Result<Place, Status> {
        query.is_now(State::Queued);
        self.common.admission.enter(&self.line, self.owner.user.as_deref()).await
    }

    /// Drops what the client did not come back for.
    pub(crate) fn sweep(&self) {
        self.statements.sweep();
        self.polled.sweep();
        self.prepared.sweep();
    }

    /// Since when no call and no stream of the session has ended; one that goes on does not count, and its holder knows.
    pub(crate) fn idle(&self) -> Duration {
        self.used.lock().elapsed()
    }
}

impl Drop for ClientSession {
    fn drop(&mut self) {
        let who = Who { user: self.owner.user.as_deref(), session: Some(self.number), ..Who::default() };
        self.common.audit.note("logout", who, || json!({}));
    }
}

/// A session that a call or a stream of rows uses: it is not idle before the last of them has ended.
#[derive(Clone)]
pub(crate) struct InUse {
    session: Arc<ClientSession>,
    /// Where the call comes from.
    peer: Option<SocketAddr>,
    /// What it is part of.
    trace: Option<TraceId>,
}

impl InUse {
    pub(crate) fn new(session: Arc<ClientSession>, peer: Option<SocketAddr>) -> Self {
        Self { session, peer, trace: None }
    }

    /// The same, for a call that is part of something.
    pub(crate) fn traced(mut self, trace: Option<TraceId>) -> Self {
        self.trace = trace;
        self
    }

    pub(crate) fn is(&self, session: &Arc<ClientSession>) -> bool {
        Arc::ptr_eq(&self.session, session)
    }

    /// A query of this session, which begins with its planning.
    ///
    /// # Errors
    /// UNAVAILABLE once the server is about to end, and where the audit log cannot have it.
    pub(crate) fn begin(&self, sql: &str) -> Result<Watched, Status> {
        self.common.check_open()?;
        self.common.registry.begin(self.who(), sql)
    }

    /// `outcome` of a statement that was planned and will not run by that.
    ///
    /// # Errors
    /// Its own, and UNAVAILABLE where the audit log cannot have it.
    pub(crate) fn planned<T>(&self, sql: &str, outcome: Result<T, Status>) -> Result<T, Status> {
        let told = self.common.audit.plan(self.who(), sql, outcome.as_ref().err());
        outcome.and_then(|planned| told.map(|()| planned))
    }

    fn who(&self) -> Who<'_> {
        Who { user: self.owner.user.as_deref(), session: Some(self.number), peer: self.peer, trace: self.trace }
    }
}

impl Deref for InUse {
    type Target = ClientSession;

    fn deref(&self) -> &ClientSession {
        &self.session
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        *self.session.used.lock() = Instant::now();
    }
}
