//! A connection with a session: one message after the other, and an answer to each. What comes behind an error of the extended protocol
//! is passed over up to the next Sync, as drivers count on. Not here: what queries (`simple`) and prepared statements (`extended`) do.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, timeout};

use super::extended::{Portal, Prepared};
use super::fault::{Fault, Severity};
use super::frontend::Message;
use super::keys::Key;
use super::link::Link;
use super::listen::Listener;
use super::login::LoggedIn;
use super::own::options;
use super::settings::Settings;
use super::statement::{Deadline, Stop};
use super::transaction::Transaction;
use crate::jwt::Jwt;
use crate::session::InUse;

/// How long a last word may take.
const LAST: Duration = Duration::from_secs(1);

/// Messages that are answered whole, with or without an error: no Sync comes behind them.
const WHOLE: &[u8] = b"QF";

/// Those that are not even read behind an error of the extended protocol, up to the next Sync.
const PASSED_OVER: &[u8] = b"QFPBDECHdcf";

/// A connection with a session.
pub(super) struct Conversation {
    pub(super) listener: Arc<Listener>,
    pub(super) link: Link,
    pub(super) session: InUse,
    pub(super) key: Key,
    pub(super) settings: Settings,
    pub(super) transaction: Transaction,
    /// By their names; the one without a name is of the last Parse.
    pub(super) prepared: HashMap<String, Arc<Prepared>>,
    pub(super) portals: HashMap<String, Portal>,
    pub(super) peer: SocketAddr,
    /// The options of the engine as the session began.
    pub(super) began: Vec<(String, Option<String>)>,
    expires: Option<SystemTime>,
    /// Up to the next Sync.
    is_skipping: bool,
}

impl Conversation {
    pub(super) fn new(listener: Arc<Listener>, link: Link, logged_in: LoggedIn) -> Self {
        let LoggedIn { session, key, settings, peer, expires } = logged_in;
        Self {
            listener,
            link,
            began: options(&session),
            session,
            key,
            settings,
            transaction: Transaction::default(),
            prepared: HashMap::new(),
            portals: HashMap::new(),
            peer,
            expires,
            is_skipping: false,
        }
    }

    /// Goes on until either side ends it. What runs ends with it.
    pub(super) async fn run(mut self) {
        let Err(stop) = self.talk().await else { return };
        if let Stop::Fault(fault) = stop {
            self.link.out.fault(&fault.and_ends());
            let _ = timeout(LAST, self.link.flush()).await;
        }
    }

    async fn talk(&mut self) -> Result<(), Stop> {
        let common = Arc::clone(&self.session.common);
        let most = common.limits.message_bytes;
        loop {
            let (letter, body) = tokio::select! {
                biased;
                message = self.link.message(most) => message?,
                () = common.drained() => {
                    return Err(Fault::fatal("57P01", "the server is about to end: connect again once it is back").into());
                }
            };
            self.check_token()?;
            if self.is_skipping && PASSED_OVER.contains(&letter) {
                continue;
            }
            let answered = match Message::read(letter, body) {
                Ok(message) => Box::pin(self.answer(message)).await,
                Err(fault) => Err(fault.into()),
            };
            match answered {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return Ok(()),
                Err(stop) => self.failed(stop, letter).await?,
            }
            // Who asks for much and reads nothing is not read from either.
            self.link.flush_if_full().await?;
        }
    }

    /// # Errors
    /// Once the token that opened the session does not hold any more.
    fn check_token(&self) -> Result<(), Fault> {
        match self.expires {
            Some(expires) if SystemTime::now() >= expires + Jwt::LEEWAY => {
                Err(Fault::fatal("28000", "the token has expired: connect with another"))
            }
            _ => Ok(()),
        }
    }

    async fn answer(&mut self, message: Message) -> Result<ControlFlow<()>, Stop> {
        match message {
            Message::Query(sql) => {
                self.simple(&sql).await?;
                self.ready().await?;
            }
            Message::Parse { name, sql, types } => self.parse(name, &sql, &types).await?,
            Message::Bind(bind) => self.bind(bind)?,
            Message::Describe(target) => self.describe(&target)?,
            Message::Execute { portal, rows } => self.execute(&portal, rows).await?,
            Message::Close(target) => self.close(&target),
            Message::Flush => self.link.flush().await?,
            Message::Sync => {
                self.is_skipping = false;
                self.ready().await?;
            }
            Message::Terminate => return Ok(ControlFlow::Break(())),
            Message::Copy => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Ends an answer.
    async fn ready(&mut self) -> Result<(), Stop> {
        if self.transaction.is_idle() {
            self.portals.clear();
        }
        self.link.out.ready(self.transaction.ready());
        self.link.flush().await?;
        Ok(())
    }

    /// Tells of an error, and goes on where that can be.
    async fn failed(&mut self, stop: Stop, letter: u8) -> Result<(), Stop> {
        let Stop::Fault(fault) = stop.at(&Default::default()) else { return Err(Stop::Gone) };
        if fault.severity == Severity::Fatal {
            return Err(fault.into());
        }
        self.link.out.fault(&fault);
        self.transaction.fail();
        if WHOLE.contains(&letter) {
            return self.ready().await;
        }
        self.is_skipping = true;
        self.link.flush().await?;
        Ok(())
    }

    /// Until when a statement that begins now may go on.
    pub(super) fn deadline(&self) -> Deadline {
        self.settings.statement_timeout().map(|time| Instant::now() + time)
    }
}
