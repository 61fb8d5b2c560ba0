//! All sessions of a server: which of them a call belongs to, how many there are, and when one ends.
//!
//! A call with a bearer token belongs to the session that a handshake made. It outlives its connections and ends when nothing
//! uses it for a time. A call without a token belongs to its connection's session, or is refused where there are users.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use maar_engine::Session;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use crate::connection::Connection;
use crate::lanes::Lanes;
use crate::role::Role;
use crate::secrets::{self, Secret, secret};
use crate::session::{ClientSession, InUse};

/// How many sessions a server has at once, and how long one with a token is kept that nobody uses.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Default 256.
    pub sessions: usize,
    /// Default an hour.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sessions: 256, idle: Duration::from_secs(60 * 60) }
    }
}

pub(crate) struct Sessions {
    /// What clients' sessions begin as.
    base: Session,
    limits: Limits,
    /// Whether every session begins with a login: the server has users.
    by_login: bool,
    places: Arc<Semaphore>,
    lanes: Arc<Lanes>,
    by_token: Mutex<HashMap<Secret, Arc<ClientSession>>>,
    all: Mutex<Vec<Weak<ClientSession>>>,
}

impl Sessions {
    pub(crate) fn new(base: Session, limits: Limits, by_login: bool) -> Self {
        let places = Arc::new(Semaphore::new(limits.sessions.min(Semaphore::MAX_PERMITS)));
        let (by_token, all) = (Mutex::default(), Mutex::default());
        Self { base, limits, by_login, places, lanes: Arc::default(), by_token, all }
    }

    pub(crate) fn base(&self) -> &Session {
        &self.base
    }

    /// A new session for a user of this role, and the token that its client shows from now on.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when there are as many as the server has.
    pub(crate) fn log_in(&self, role: Role) -> Result<String, Status> {
        let (session, token) = (self.open(role)?, secret()?);
        self.by_token.lock().insert(token, session);
        Ok(secrets::written(&token))
    }

    /// Whether a login that shows a token has a session already.
    ///
    /// # Errors
    /// UNAUTHENTICATED for a token of no session.
    pub(crate) fn token_of<T>(&self, login: &Request<T>) -> Result<Option<String>, Status> {
        let Some(token) = bearer(login.metadata()) else { return Ok(None) };
        self.named(token)?;
        Ok(Some(token.to_owned()))
    }

    /// The session of a call.
    ///
    /// # Errors
    /// UNAUTHENTICATED for a token of no session, or none where there are users; RESOURCE_EXHAUSTED when a new one is wanted and there are too many.
    pub(crate) fn of<T>(&self, request: &Request<T>) -> Result<InUse, Status> {
        if let Some(token) = bearer(request.metadata()) {
            return self.named(token);
        }
        let session = self.connection(request)?.session(|| self.open(Role::Writer))?;
        Ok(InUse::new(session))
    }

    /// The session of a call, if there is one: none is made.
    ///
    /// # Errors
    /// UNAUTHENTICATED for a token of no session.
    pub(crate) fn peek<T>(&self, request: &Request<T>) -> Result<Option<InUse>, Status> {
        if let Some(token) = bearer(request.metadata()) {
            return self.named(token).map(Some);
        }
        Ok(self.connection(request)?.peek().map(InUse::new))
    }

    /// Ends the session of a call, and what runs in it.
    ///
    /// # Errors
    /// UNAUTHENTICATED for a token of no session.
    pub(crate) fn end<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let ended = match bearer(request.metadata()) {
            Some(token) => {
                let session = self.named(token)?;
                self.take_out(|known| session.is(known))
            }
            None => self.connection(request)?.end().into_iter().collect(),
        };
        ended.iter().for_each(|session| session.running.cancel_all());
        Ok(())
    }

    /// Ends sessions and threads that nobody uses, and drops what no client came back for.
    pub(crate) fn sweep(&self) {
        drop(self.take_out(|session| self.is_over(session)));
        let mut live = Vec::new();
        self.all.lock().retain(|session| session.upgrade().map(|session| live.push(session)).is_some());
        live.iter().for_each(|session| session.sweep());
        self.lanes.sweep();
    }

    fn open(&self, role: Role) -> Result<Arc<ClientSession>, Status> {
        let full = |_| {
            Status::resource_exhausted(format!(
                "the server has {} sessions and opens no more before one of them ends: close connections that are not used",
                self.limits.sessions
            ))
        };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(full)?;
        let lanes = Arc::clone(&self.lanes);
        let session = Arc::new(ClientSession::new(self.base.for_client(), role, lanes, place));
        self.all.lock().push(Arc::downgrade(&session));
        Ok(session)
    }

    /// The connection of a call without a token.
    fn connection<'a, T>(&self, request: &'a Request<T>) -> Result<&'a Connection, Status> {
        if self.by_login {
            return Err(Status::unauthenticated("this server has users: log in with user and password"));
        }
        let connection = request.extensions().get::<Connection>();
        connection.ok_or_else(|| Status::internal("internal error, a bug of ours: a call without a connection"))
    }

    fn named(&self, token: &str) -> Result<InUse, Status> {
        let ended = || Status::unauthenticated("the session of this token has ended, or never was: log in again");
        let token = secrets::read(token).ok_or_else(ended)?;
        let sessions = self.by_token.lock();
        let session = sessions.get(&token).filter(|session| !self.is_over(session)).ok_or_else(ended)?;
        Ok(InUse::new(Arc::clone(session)))
    }

    /// Whether a session with a token has been idle for too long: nobody but the map of tokens holds it.
    fn is_over(&self, session: &Arc<ClientSession>) -> bool {
        Arc::strong_count(session) == 1 && session.idle() >= self.limits.idle
    }

    /// Takes sessions out, for the caller to drop: that may end queries, and is not done under the lock.
    fn take_out(&self, which: impl Fn(&Arc<ClientSession>) -> bool) -> Vec<Arc<ClientSession>> {
        self.by_token.lock().extract_if(|_, session| which(session)).map(|(_, session)| session).collect()
    }
}

/// The token of a call. User and password count at the login only (`gate`).
fn bearer(metadata: &MetadataMap) -> Option<&str> {
    let (scheme, token) = metadata.get("authorization")?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
