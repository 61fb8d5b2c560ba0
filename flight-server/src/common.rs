//! What all sessions of a server share: threads, queries, places to run, limits. Not here: whose a call is (`sessions`), and what a
//! session has of its own (`session`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use maar_engine::{Places, Session};
use parking_lot::Mutex;
use tokio::sync::watch;
use tonic::Status;

use crate::audit::Audit;
use crate::lanes::Lanes;
use crate::limits::Limits;
use crate::queries::{Admission, Registry};
use crate::session::ClientSession;

pub(crate) struct Common {
    /// What clients' sessions begin as.
    pub(crate) base: Session,
    pub(crate) limits: Limits,
    /// Whether every session begins with a login: the server has users.
    pub(crate) has_users: bool,
    /// Which files and URLs clients may name; all where there is none. An administrator names any.
    pub(crate) places: Option<Arc<Places>>,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) audit: Audit,
    pub(crate) admission: Admission,
    pub(crate) started: SystemTime,
    draining: watch::Sender<bool>,
    opened: AtomicU64,
    sessions: Mutex<Vec<Weak<ClientSession>>>,
}

impl Common {
    /// # Errors
    /// INTERNAL when the system has no randomness to give.
    pub(crate) fn new(
        base: Session,
        limits: Limits,
        has_users: bool,
        places: Option<Arc<Places>>,
        audit: Audit,
    ) -> Result<Self, Status> {
        Ok(Self {
            base,
            limits,
            has_users,
            places,
            lanes: Arc::new(Lanes::beside(limits.running)),
            registry: Arc::new(Registry::new(audit.clone())?),
            audit,
            admission: Admission::new(&limits),
            started: SystemTime::now(),
            draining: watch::Sender::new(false),
            opened: AtomicU64::default(),
            sessions: Mutex::default(),
        })
    }

    /// From here on nothing begins; what runs goes on.
    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Ready once [`Self::drain`] was called.
    pub(crate) async fn drained(&self) {
        // The sender is there for as long as this is.
        let _ = self.draining.subscribe().wait_for(|is_so| *is_so).await;
    }

    /// # Errors
    /// UNAVAILABLE once the server is about to end.
    pub(crate) fn check_open(&self) -> Result<(), Status> {
        match self.is_draining() {
            false => Ok(()),
            true => Err(Status::unavailable(
                "the server is about to end and begins nothing more: connect again once it is back, or to another",
            )),
        }
    }

    /// The number of a new session.
    pub(crate) fn next_session(&self) -> u64 {
        self.opened.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn add(&self, session: &Arc<ClientSession>) {
        self.sessions.lock().push(Arc::downgrade(session));
    }

    /// The sessions that there are.
    pub(crate) fn sessions(&self) -> Vec<Arc<ClientSession>> {
        let mut live = Vec::new();
        self.sessions.lock().retain(|session| session.upgrade().map(|session| live.push(session)).is_some());
        live
    }

    /// Gives every session, and those to come, the options of the process as `administrators` has them.
    pub(crate) fn follow(&self, administrators: &Session) {
        self.base.follow(administrators);
        self.sessions().iter().for_each(|session| session.engine.follow(administrators));
    }

    /// Drops what no client came back for, and ends threads that nobody needs.
    pub(crate) fn sweep(&self) {
        self.sessions().iter().for_each(|session| session.sweep());
        self.admission.sweep();
        self.lanes.sweep();
    }
}
