//! All sessions of a server: which of them a call belongs to, how many there are, and when one ends.
//!
//! A call with a bearer token belongs to the session that a handshake made. It outlives its connections and ends when nothing
//! uses it for a time. A call without a token belongs to its connection's session, or is refused where there are users.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use maar_engine::Session;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};

use crate::audit::Who;
use crate::common::Common;
use crate::connection::{Connection, peer};
use crate::jwt::{Claims, Jwt};
use crate::secrets::{self, Secret, secret};
use crate::session::{ClientSession, InUse, Owner};
use crate::trace_context::trace_of;

pub(crate) struct Sessions {
    common: Arc<Common>,
    places: Arc<Semaphore>,
    by_user: Mutex<HashMap<String, Arc<Semaphore>>>,
    by_token: Mutex<HashMap<Secret, Arc<ClientSession>>>,
    /// Checks tokens of somebody else's, where the server takes such.
    jwt: Option<Jwt>,
    /// Those of them whose session was ended, until they expire: they open no other.
    ended: Mutex<HashMap<Secret, SystemTime>>,
}

impl Sessions {
    pub(crate) fn new(common: Arc<Common>, jwt: Option<Jwt>) -> Self {
        let places = semaphore(common.limits.sessions);
        let (by_user, by_token, ended) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { common, places, by_user, by_token, jwt, ended }
    }

    pub(crate) fn base(&self) -> &Session {
        &self.common.base
    }

    /// A new session for its owner, and the token that its client shows from now on.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when there are as many as the server or the user may have, UNAVAILABLE once it is about to end.
    pub(crate) fn log_in(&self, owner: Owner, way: Way, peer: Option<SocketAddr>) -> Result<String, Status> {
        self.common.check_open()?;
        let (session, token) = (self.open(owner, way, peer)?, secret()?);
        self.by_token.lock().insert(token, session);
        Ok(secrets::written(&token))
    }

    /// Whether a login that shows a token has a session already.
    ///
    /// # Errors
    /// UNAUTHENTICATED for a token of no session.
    pub(crate) fn token_of<T>(&self, login: &Request<T>) -> Result<Option<String>, Status> {
        let Some(token) = bearer(login.metadata()) else { return Ok(None) };
        self.named(token, peer(login))?;
        Ok(Some(token.to_owned()))
    }

    /// The session of a call.
    ///
    /// # Errors
    /// UNAUTHENTICATED for a token of no session, or none where there are users; RESOURCE_EXHAUSTED when a new one is wanted and there are too many.
    pub(crate) fn of<T>(&self, request: &Request<T>) -> Result<InUse, Status> {
        if let Some(token) = bearer(request.metadata()) {
            return Ok(self.named(token, peer(request))?.traced(trace_of(request)));
        }
        let open = || self.open(Owner::nobody(), Way::Connection, peer(request));
        Ok(InUse::new(self.connection(request)?.session(open)?, peer(request)).traced(trace_of(request)))
    }

    /// The session of a call, if there is one: none is made.
    ///
    /// # Errors
    /// UNAUTHENTICATED for a token of no session.
    pub(crate) fn peek<T>(&self, request: &Request<T>) -> Result<Option<InUse>, Status> {
        if let Some(token) = bearer(request.metadata()) {
            return self.named(token, peer(request)).map(Some);
        }
        Ok(self.connection(request)?.peek().map(|session| InUse::new(session, peer(request))))
    }

    /// Ends the session of a call, and what runs in it.
    ///
    /// # Errors
    /// UNAUTHENTICATED for a token of no session.
    pub(crate) fn end<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let ended = match bearer(request.metadata()) {
            Some(token) => {
                let session = self.named(token, peer(request))?;
                if let Some(claims) = self.claims(token)? {
                    self.ended.lock().insert(claims.name, claims.expires);
                }
                self.take_out(|known| session.is(known))
            }
            None => self.connection(request)?.end().into_iter().collect(),
        };
        ended.iter().for_each(|session| self.common.registry.cancel_session(session.number));
        Ok(())
    }

    /// Ends sessions and threads that nobody uses, and drops what no client came back for.
    pub(crate) fn sweep(&self) {
        drop(self.take_out(|session| self.is_over(session)));
        let now = SystemTime::now();
        self.ended.lock().retain(|_, expires| *expires + Jwt::LEEWAY > now);
        self.by_user.lock().retain(|_, places| Arc::strong_count(places) > 1);
        self.common.sweep();
    }

    /// Writes to the audit log that somebody was refused.
    pub(crate) fn refused(&self, user: Option<&str>, peer: Option<SocketAddr>, reason: &str) {
        self.common.audit.refused(Who { user, peer, ..Who::default() }, reason);
    }

    /// Whose a token of somebody else's is, and until when, for a session that begins with it and that it does not lead to.
    ///
    /// # Errors
    /// UNAUTHENTICATED for one that does not hold, or whose session was closed.
    pub(crate) fn owner_of(&self, token: &str) -> Result<Option<(Owner, SystemTime)>, Status> {
        let Some(claims) = self.claims(token)? else { return Ok(None) };
        if self.ended.lock().contains_key(&claims.name) {
            return Err(Status::unauthenticated("the session of this token was closed: get another token"));
        }
        Ok(Some((claims.owner, claims.expires)))
    }

    /// A new session for its owner, which no token leads to.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED as [`Self::log_in`], and UNAVAILABLE where the audit log cannot have it.
    pub(crate) fn open(&self, owner: Owner, way: Way, peer: Option<SocketAddr>) -> Result<Arc<ClientSession>, Status> {
        let user = owner.user.clone();
        let opened = self.admit(owner).inspect_err(|status| self.refused(user.as_deref(), peer, status.message()))?;
        let who = Who { user: user.as_deref(), session: Some(opened.number), peer, trace: None };
        let details = || json!({ "role": opened.owner.role.to_string(), "by": way.name() });
        self.common.audit.write("login", who, details)?;
        self.common.add(&opened);
        Ok(opened)
    }

    fn admit(&self, owner: Owner) -> Result<Arc<ClientSession>, Status> {
        let mut places = Vec::new();
        if let Some(user) = &owner.user {
            let most = self.common.limits.sessions_per_user;
            let of_user = Arc::clone(self.by_user.lock().entry(user.clone()).or_insert_with(|| semaphore(most)));
            let full = || format!("the user {user} has {most} sessions and opens no more before one of them ends");
            places.push(place(&of_user, full)?);
        }
        let most = self.common.limits.sessions;
        let full = || format!("the server has {most} sessions and opens no more before one of them ends");
        places.push(place(&self.places, full)?);
        Ok(Arc::new(ClientSession::new(&self.common, owner, places)))
    }

    /// The connection of a call without a token.
    fn connection<'a, T>(&self, request: &'a Request<T>) -> Result<&'a Connection, Status> {
        if self.common.has_users {
            let reason = "this server has users: log in with user and password";
            self.refused(None, peer(request), reason);
            return Err(Status::unauthenticated(reason));
        }
        let connection = request.extensions().get::<Connection>();
        connection.ok_or_else(|| Status::internal("internal error, a bug of ours: a call without a connection"))
    }

    fn named(&self, token: &str, peer: Option<SocketAddr>) -> Result<InUse, Status> {
        let found = self.of_token(token, peer);
        found.inspect_err(|status| {
            // Those of a session that could not be opened are written where they were made.
            if status.code() == Code::Unauthenticated {
                self.refused(None, peer, status.message());
            }
        })
    }

    fn of_token(&self, token: &str, peer: Option<SocketAddr>) -> Result<InUse, Status> {
        if let Some(claims) = self.claims(token)? {
            return self.of_claims(claims, peer);
        }
        let ended = || Status::unauthenticated("the session of this token has ended, or never was: log in again");
        let token = secrets::read(token).ok_or_else(ended)?;
        let sessions = self.by_token.lock();
        let session = sessions.get(&token).filter(|session| !self.is_over(session)).ok_or_else(ended)?;
        Ok(InUse::new(Arc::clone(session), peer))
    }

    /// What a token of somebody else's says, if it is one.
    ///
    /// # Errors
    /// UNAUTHENTICATED for one that does not hold.
    fn claims(&self, token: &str) -> Result<Option<Claims>, Status> {
        match &self.jwt {
            Some(jwt) if Jwt::is_one(token) => jwt.check(token, SystemTime::now()).map(Some),
            _ => Ok(None),
        }
    }

    /// The session of a token of somebody else's, which begins with its first call.
    fn of_claims(&self, claims: Claims, peer: Option<SocketAddr>) -> Result<InUse, Status> {
        if self.ended.lock().contains_key(&claims.name) {
            return Err(Status::unauthenticated("the session of this token was closed: get another token"));
        }
        let known = |sessions: &HashMap<Secret, Arc<ClientSession>>| sessions.get(&claims.name).cloned();
        if let Some(session) = known(&self.by_token.lock()) {
            return Ok(InUse::new(session, peer));
        }
        self.common.check_open()?;
        let opened = self.open(claims.owner, Way::Token, peer)?;
        // Of two first calls at once, both get the session of one.
        let mut sessions = self.by_token.lock();
        Ok(InUse::new(Arc::clone(sessions.entry(claims.name).or_insert(opened)), peer))
    }

    /// Whether a session with a token has been idle for too long: nobody but the map of tokens holds it.
    fn is_over(&self, session: &Arc<ClientSession>) -> bool {
        Arc::strong_count(session) == 1 && session.idle() >= self.common.limits.idle
    }

    /// Takes sessions out, for the caller to drop: that may end queries, and is not done under the lock.
    fn take_out(&self, which: impl Fn(&Arc<ClientSession>) -> bool) -> Vec<Arc<ClientSession>> {
        self.by_token.lock().extract_if(|_, session| which(session)).map(|(_, session)| session).collect()
    }
}

/// What a session begins with.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// A login, with a password where there are users.
    Handshake,
    /// The same, in the dashboard.
    Dashboard,
    /// One call of a tool.
    Tool,
    /// A token of somebody else's.
    Token,
    /// The first call of a connection.
    Connection,
    /// A connection of PostgreSQL's protocol.
    Postgres,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Dashboard => "dashboard",
            Self::Tool => "tool",
            Self::Token => "token",
            Self::Connection => "connection",
            Self::Postgres => "postgres",
        }
    }
}

fn semaphore(places: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)))
}

fn place(places: &Arc<Semaphore>, full: impl FnOnce() -> String) -> Result<OwnedSemaphorePermit, Status> {
    let refused = |_| Status::resource_exhausted(format!("{}: close connections that are not used", full()));
    Arc::clone(places).try_acquire_owned().map_err(refused)
}

/// The token of a call. User and password count at the login only (`gate`).
fn bearer(metadata: &MetadataMap) -> Option<&str> {
    let (scheme, token) = metadata.get("authorization")?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
