//! Listening and stopping.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use futures::future::OptionFuture;
use maar_engine::{Places, Session};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tonic::Status;
use tonic::transport::server::TcpIncoming;

use crate::audit::{Audit, Who};
use crate::common::Common;
use crate::connection::Io;
use crate::endpoint::Endpoint;
use crate::gate::Gate;
use crate::health::Health;
use crate::http::{self, Door};
use crate::jwt::Jwt;
use crate::limits::Limits;
use crate::messages_in::Bounded;
use crate::postgres;
use crate::serve_error::ServeError;
use crate::sessions::Sessions;
use crate::tls::{Acceptor, Tls};
use crate::users::Users;

/// Connections that say nothing are asked whether they live, before something between us and the client cuts them.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// How often forgotten statements and sessions are looked for.
const SWEEP: Duration = Duration::from_secs(30);
const SWEEP_LEAST: Duration = Duration::from_millis(50);

/// How long connections may take to close once nothing runs any more.
const GRACE: Duration = Duration::from_secs(5);

/// How often it is looked whether anything runs, before the end.
const LOOK: Duration = Duration::from_millis(10);

/// How long queries may go on once the server is told to stop, unless it is said.
const DRAIN: Duration = Duration::from_secs(30);

/// How a server serves. The default has no users: everyone on the machine may connect.
#[derive(Debug)]
pub struct ServeOptions {
    /// What is taken of clients, kept for them and run at once.
    pub limits: Limits,
    /// Who may log in; without a login nothing is answered then.
    pub users: Option<Users>,
    /// What tokens of an identity provider are checked with; users may come with one in place of a login.
    pub jwt: Option<Jwt>,
    /// Which files and URLs clients may name, but administrators, who may name all. Without it: all where no other machine reaches
    /// the server and it has no users, none otherwise.
    pub places: Option<Places>,
    /// Where it is written who did what; nowhere by default.
    pub audit: Audit,
    /// Encryption; without it nothing else is answered.
    pub tls: Option<Tls>,
    /// Whether other machines may reach a server without users or without encryption.
    pub insecure: bool,
    /// Where `/livez`, `/readyz`, `/metrics` and the dashboard are answered, over HTTP; nowhere without it. On an address that
    /// other machines reach it is encrypted as Flight is.
    pub http: Option<SocketAddr>,
    /// Where PostgreSQL's protocol is answered; nowhere without it. Encrypted wherever there is a certificate.
    pub postgres: Option<SocketAddr>,
    /// How long queries may go on once the server is told to stop. Default 30 seconds.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            users: None,
            jwt: None,
            places: None,
            audit: Audit::default(),
            tls: None,
            insecure: false,
            http: None,
            postgres: None,
            drain: DRAIN,
        }
    }
}

impl ServeOptions {
    /// What a server that other machines reach must have and this one has not.
    fn missing(&self) -> Option<&'static str> {
        match (&self.tls, self.has_users()) {
            _ if self.insecure => None,
            (Some(_), true) => None,
            (None, false) => Some("are no users and no encryption"),
            (None, true) => Some("is no encryption"),
            (Some(_), false) => Some("are no users"),
        }
    }

    /// Whether everyone has to say who he is.
    fn has_users(&self) -> bool {
        self.users.is_some() || self.jwt.is_some()
    }

    /// What clients may name of a server on `address`; all where there is none: no other machine reaches any of its doors then.
    fn places_for(&self, address: SocketAddr) -> Option<Arc<Places>> {
        let mut doors = [Some(address), self.http, self.postgres].into_iter().flatten();
        let is_open = !self.has_users() && doors.all(is_loopback);
        match &self.places {
            Some(places) => Some(Arc::new(places.clone())),
            None => (!is_open).then(Arc::default),
        }
    }
}

/// A server that listens; [`Server::run`] answers.
pub struct Server {
    incoming: TcpIncoming,
    address: SocketAddr,
    http: Option<(TcpIncoming, SocketAddr)>,
    postgres: Option<(TcpIncoming, SocketAddr)>,
    /// What encrypts it.
    acceptor: Option<Acceptor>,
    gate: Arc<Gate>,
    drain: Duration,
    common: Arc<Common>,
    sessions: Arc<Sessions>,
    endpoint: Endpoint,
    tls: Option<Tls>,
    sweep: Duration,
}

impl Server {
    /// Listens on `address` (port 0: any free one). Every client gets a session of its own, which begins as `session` is
    /// then ([`Session::for_client`]). Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`ServeError::Exposed`], [`ServeError::AuditInReach`], and [`ServeError::Listen`] when the port is taken.
    pub fn bind(session: Session, address: SocketAddr, options: ServeOptions) -> Result<Self, ServeError> {
        if let Some(missing) = options.missing().filter(|_| !is_loopback(address)) {
            return Err(ServeError::Exposed { address, missing });
        }
        if let Some(address) = options.http.filter(|address| !is_loopback(*address))
            && let Some(missing) = options.missing()
        {
            return Err(ServeError::ExposedHttp { address, missing });
        }
        if let Some(address) = options.postgres.filter(|address| !is_loopback(*address))
            && let Some(missing) = options.missing()
        {
            return Err(ServeError::ExposedPostgres { address, missing });
        }
        if let (Some(places), Some(path)) = (&options.places, options.audit.path())
            && places.has(path)
        {
            return Err(ServeError::AuditInReach { path: path.to_owned() });
        }
        let (incoming, bound) = listen(address)?;
        let places = options.places_for(address);
        let has_users = options.has_users();
        let ServeOptions { limits, users, jwt, tls, http, postgres, drain, audit, .. } = options;
        let http = http.map(listen).transpose()?;
        let postgres = postgres.map(listen).transpose()?;
        let acceptor = tls.as_ref().filter(|_| postgres.is_some()).map(Tls::acceptor).transpose();
        let acceptor = acceptor.map_err(ServeError::Internal)?;
        let has_tokens = jwt.is_some();
        let internal = |status: Status| ServeError::Internal(status.message().to_owned());
        let common = Arc::new(Common::new(session, limits, has_users, places, audit).map_err(internal)?);
        let sessions = Arc::new(Sessions::new(Arc::clone(&common), jwt));
        let gate = Arc::new(Gate::new(users, has_tokens));
        let endpoint = Endpoint::new(Arc::clone(&sessions), Arc::clone(&gate));
        let endpoint = endpoint.map_err(internal)?;
        Ok(Self {
            incoming,
            address: bound,
            http,
            postgres,
            acceptor,
            gate,
            drain,
            common,
            sessions,
            sweep: SWEEP.min(limits.idle / 2).max(SWEEP_LEAST),
            endpoint,
            tls,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where [`ServeOptions::http`] is answered.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|(_, address)| *address)
    }

    /// Where [`ServeOptions::postgres`] is answered.
    pub fn postgres_address(&self) -> Option<SocketAddr> {
        self.postgres.as_ref().map(|(_, address)| *address)
    }

    /// Answers until `shutdown` is ready. Then nothing begins any more, and what runs has [`ServeOptions::drain`] to end; after
    /// that it is cancelled.
    ///
    /// Statements run on threads that it starts for them: however long they compute, the calling runtime has calls to answer only.
    ///
    /// # Errors
    /// [`ServeError::Network`].
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { incoming, http, postgres, acceptor, gate, common, sessions, endpoint, tls, .. } = self;
        let (every, drain) = (self.sweep, self.drain);
        let door = Arc::new(Door { common: Arc::clone(&common), sessions: Arc::clone(&sessions), gate });
        let postgres = postgres.map(|(incoming, _)| {
            let incoming = incoming.with_keepalive(Some(KEEP_ALIVE));
            Box::pin(postgres::serve(incoming, Arc::clone(&door), acceptor))
        });
        let mut postgres = OptionFuture::from(postgres);
        let watched = http.map(|(incoming, address)| {
            let tls = tls.clone().filter(|_| !is_loopback(address));
            Box::pin(http::serve(incoming, door, tls))
        });
        let mut watched = OptionFuture::from(watched);
        let mut builder = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_max_header_list_size(common.limits.header_bytes);
        if let Some(tls) = tls {
            builder = builder.tls_config(tls.config())?;
        }
        let router =
            builder.add_service(Bounded::new(endpoint, &common.limits)).add_service(Health::new(Arc::clone(&common)));
        let (stop, stopped) = oneshot::channel::<()>();
        let mut serving = Box::pin(router.serve_with_incoming_shutdown(incoming.map_ok(Io::new), async {
            let _ = stopped.await;
        }));
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            Some(ended) = &mut watched => return Ok(ended?),
            Some(()) = &mut postgres => {}
            () = sweep(&sessions, every) => {}
            () = shutdown => {}
        }
        common.drain();
        let drained = timeout(drain, quiet(&common));
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            Some(ended) = &mut watched => return Ok(ended?),
            Some(()) = &mut postgres => {}
            _ = drained => {}
        }
        common.registry.cancel_all();
        common.audit.note("stop", Who::default(), || json!({}));
        drop(stop);
        match timeout(GRACE, serving).await {
            Ok(ended) => Ok(ended?),
            Err(_) => Ok(()),
        }
    }
}

/// Whether only this machine reaches an address.
fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn listen(address: SocketAddr) -> Result<(TcpIncoming, SocketAddr), ServeError> {
    let refused = |cause| ServeError::Listen { address, cause };
    let incoming = TcpIncoming::bind(address).map_err(refused)?.with_nodelay(Some(true));
    let bound = incoming.local_addr().map_err(refused)?;
    Ok((incoming, bound))
}

/// Ready when nothing runs any more.
async fn quiet(common: &Common) {
    while common.registry.active() > 0 {
        sleep(LOOK).await;
    }
}

/// Never ends.
async fn sweep(sessions: &Sessions, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        sessions.sweep();
    }
}

/// Serves `session` on `address` until `shutdown` is ready: [`Server::bind`] and [`Server::run`] in one.
///
/// # Errors
/// As those two.
pub async fn serve(
    session: Session,
    address: SocketAddr,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    Server::bind(session, address, options)?.run(shutdown).await
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn other_machines_reach_it_only_when_it_is_said() {
        let session = Session::new().unwrap();
        let users = || Some(Users::parse(&Users::line("ada", "secret", crate::role::Role::Writer).unwrap()).unwrap());
        for open in ["0.0.0.0:0", "[::]:0", "10.0.0.1:0", "[::ffff:10.0.0.1]:0"] {
            for users in [None, users()] {
                let options = ServeOptions { users, ..ServeOptions::default() };
                let refused = Server::bind(session.clone(), open.parse().unwrap(), options).err().unwrap();
                assert!(matches!(refused, ServeError::Exposed { .. }), "{refused}");
            }
        }
        let http = ServeOptions { http: Some("0.0.0.0:0".parse().unwrap()), users: users(), ..ServeOptions::default() };
        let refused = Server::bind(session.clone(), "127.0.0.1:0".parse().unwrap(), http).err().unwrap();
        assert!(matches!(refused, ServeError::ExposedHttp { .. }), "{refused}");
        let insecure = ServeOptions { insecure: true, ..ServeOptions::default() };
        Server::bind(session.clone(), "0.0.0.0:0".parse().unwrap(), insecure).unwrap();
        let server = Server::bind(session.clone(), "127.0.0.1:0".parse().unwrap(), ServeOptions::default()).unwrap();
        let taken = Server::bind(session, server.address(), ServeOptions::default()).err().unwrap();
        assert!(matches!(taken, ServeError::Listen { .. }), "{taken}");
    }

    #[test]
    fn a_door_that_others_reach_closes_the_files() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (here, open) = (address("127.0.0.1:1"), address("0.0.0.0:1"));
        for (listen, http, postgres, are_all) in [
            (here, None, None, true),
            (here, Some(here), Some(here), true),
            (open, None, None, false),
            (here, Some(open), None, false),
            (here, None, Some(open), false),
        ] {
            let options = ServeOptions { http, postgres, insecure: true, ..ServeOptions::default() };
            assert_eq!(options.places_for(listen).is_none(), are_all, "{listen} {http:?} {postgres:?}");
        }
    }

    #[tokio::test]
    async fn it_stops_when_told() {
        let server =
            Server::bind(Session::new().unwrap(), "127.0.0.1:0".parse().unwrap(), ServeOptions::default()).unwrap();
        timeout(GRACE, server.run(std::future::ready(()))).await.unwrap().unwrap();
    }
}
