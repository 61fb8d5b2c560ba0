//! One client's session: the engine's, and what the client left with the server between two calls.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use maar_engine::Session;
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use crate::handles::Handles;
use crate::lanes::Lanes;
use crate::prepared::Prepared;
use crate::role::Role;
use crate::running::Running;
use crate::statements::Statement;

/// Statements that are planned and not yet fetched, and for how long they wait.
const STATEMENTS_MAX: usize = 256;
const STATEMENT_TTL: Duration = Duration::from_secs(5 * 60);

/// Prepared statements, and for how long an unused one is kept.
const PREPARED_MAX: usize = 256;
const PREPARED_TTL: Duration = Duration::from_secs(60 * 60);

/// A session. What it keeps goes with it.
pub(crate) struct ClientSession {
    pub(crate) engine: Session,
    /// What its user may do.
    pub(crate) role: Role,
    pub(crate) statements: Handles<Statement>,
    pub(crate) prepared: Handles<Arc<Prepared>>,
    pub(crate) running: Running,
    /// What its statements run on: the server's.
    pub(crate) lanes: Arc<Lanes>,
    used: Mutex<Instant>,
    /// Its place among the sessions that the server admits.
    _place: OwnedSemaphorePermit,
}

impl ClientSession {
    pub(crate) fn new(engine: Session, role: Role, lanes: Arc<Lanes>, place: OwnedSemaphorePermit) -> Self {
        Self {
            engine,
            role,
            statements: Handles::new("statement", STATEMENTS_MAX, STATEMENT_TTL),
            prepared: Handles::new("prepared statement", PREPARED_MAX, PREPARED_TTL),
            running: Running::default(),
            lanes,
            used: Mutex::new(Instant::now()),
            _place: place,
        }
    }

    /// Drops what the client did not come back for.
    pub(crate) fn sweep(&self) {
        self.statements.sweep();
        self.prepared.sweep();
    }

    /// Since when no call and no stream of the session has ended; one that goes on does not count, and its holder knows.
    pub(crate) fn idle(&self) -> Duration {
        self.used.lock().elapsed()
    }
}

/// A session that a call or a stream of rows uses: it is not idle before the last of them has ended.
#[derive(Clone)]
pub(crate) struct InUse(Arc<ClientSession>);

impl InUse {
    pub(crate) fn new(session: Arc<ClientSession>) -> Self {
        Self(session)
    }

    pub(crate) fn is(&self, session: &Arc<ClientSession>) -> bool {
        Arc::ptr_eq(&self.0, session)
    }
}

impl Deref for InUse {
    type Target = ClientSession;

    fn deref(&self) -> &ClientSession {
        &self.0
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        *self.0.used.lock() = Instant::now();
    }
}
