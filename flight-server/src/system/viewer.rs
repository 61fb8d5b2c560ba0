//! Who looks at the server: what is his own, and what of the others' he may see and end.

use std::sync::{Arc, Weak};

use maar_engine::Session;
use maar_engine::datafusion::error::{DataFusionError, Result};
use maar_engine::datafusion::prelude::SessionConfig;

use crate::common::Common;
use crate::queries::Query;
use crate::role::Role;
use crate::session::{ClientSession, Owner};

/// The owner of a session, as the server's tables see him.
pub(crate) struct Viewer {
    server: Weak<Common>,
    user: Option<String>,
    session: u64,
    /// An administrator, and everyone where there are no users.
    sees_all: bool,
}

impl Viewer {
    pub(crate) fn new(common: &Arc<Common>, owner: &Owner, session: u64) -> Self {
        let sees_all = owner.role == Role::Admin || !common.has_users;
        Self { server: Arc::downgrade(common), user: owner.user.clone(), session, sees_all }
    }

    /// That of the session which `config` is of; a session of no client sees nothing.
    pub(super) fn of(config: &SessionConfig) -> Result<Arc<Self>> {
        let none = || DataFusionError::Plan("the tables of maar.system are those of a server's clients".to_owned());
        config.get_extension::<Self>().ok_or_else(none)
    }

    pub(super) fn server(&self) -> Result<Arc<Common>> {
        self.server.upgrade().ok_or_else(|| DataFusionError::Execution("the server has ended".to_owned()))
    }

    /// The query with this id, if it is one that he sees.
    pub(crate) fn query(&self, id: &str) -> Result<Option<Arc<Query>>> {
        Ok(self.server()?.registry.find(id).filter(|query| self.sees(query)))
    }

    /// The engine of his session; what it shares with others is the same in each.
    pub(super) fn engine(&self) -> Result<Session> {
        let server = self.server()?;
        let own = server.sessions().into_iter().find(|session| self.is_own(session));
        Ok(own.map_or_else(|| server.base.clone(), |session| session.engine.clone()))
    }

    /// Whether he sees what is others'.
    pub(crate) fn sees_all(&self) -> bool {
        self.sees_all
    }

    pub(super) fn sees(&self, query: &Query) -> bool {
        self.is_mine(query.user.as_deref(), query.session)
    }

    pub(super) fn sees_session(&self, session: &ClientSession) -> bool {
        self.is_mine(session.owner.user.as_deref(), session.number)
    }

    pub(super) fn is_own(&self, session: &ClientSession) -> bool {
        session.number == self.session
    }

    fn is_mine(&self, user: Option<&str>, session: u64) -> bool {
        self.sees_all || session == self.session || (user.is_some() && user == self.user.as_deref())
    }
}
