//! What statements of PostgreSQL's own do. Not here: which they are (`command`), and what parameters there are (`settings`).

use maar_engine::is_of_the_process;
use tonic::Status;

use super::command::Own;
use super::conversation::Conversation;
use super::fault::Fault;
use super::login;
use super::settings::{Change, Engine, Settings};
use super::statement::Stop;
use super::transaction::Done;
use crate::session::InUse;
use crate::statements;

/// The answer to such a statement.
pub(super) struct Answer {
    pub(super) tag: String,
    /// The name and the value of a SHOW.
    pub(super) row: Option<(&'static str, String)>,
    pub(super) warning: Option<Fault>,
}

impl Answer {
    fn tag(tag: &str) -> Self {
        Self { tag: tag.to_owned(), row: None, warning: None }
    }
}

impl From<Done> for Answer {
    fn from(done: Done) -> Self {
        Self { tag: done.tag.to_owned(), row: None, warning: done.warning }
    }
}

impl Conversation {
    /// Does what the statement asks for; `sql` is what it says.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) async fn run_own(&mut self, own: &Own, sql: &str) -> Result<Answer, Stop> {
        if !matches!(own, Own::Commit | Own::RollBack) {
            self.transaction.check()?;
        }
        Ok(match own {
            Own::Begin { read_only } => self.transaction.begin(*read_only).into(),
            Own::Commit => self.transaction.commit()?.into(),
            Own::RollBack => self.transaction.roll_back()?.into(),
            Own::Access { read_only, is_of_the_session } => {
                if let Some(read_only) = read_only {
                    self.transaction.set_read_only(*read_only, *is_of_the_session);
                }
                Answer::tag("SET")
            }
            Own::Set { name, value } => {
                self.set(name, value.as_deref()).await?;
                Answer::tag("SET")
            }
            Own::Reset { name } => {
                self.set(name, None).await?;
                Answer::tag("RESET")
            }
            Own::ResetAll => {
                self.reset_all().await?;
                Answer::tag("RESET")
            }
            Own::Show { name } => Answer { row: Some((*name, self.shown(name))), ..Answer::tag("SHOW") },
            Own::Deallocate { name: None } => {
                self.prepared.clear();
                self.portals.clear();
                Answer::tag("DEALLOCATE ALL")
            }
            Own::Deallocate { name: Some(name) } => {
                // Of the engine's own PREPARE it is, where it is not of a driver's.
                if self.prepared.remove(name).is_none() {
                    change(&self.session, sql).await?;
                }
                Answer::tag("DEALLOCATE")
            }
            Own::DiscardAll => {
                self.discard_all().await?;
                Answer::tag("DISCARD ALL")
            }
            Own::Nothing(tag) => Answer::tag(tag),
            Own::Refused(what, instead) => {
                return Err(Fault::error("0A000", format!("{what} is not supported")).with_hint(*instead).into());
            }
        })
    }

    fn shown(&self, name: &str) -> String {
        let flag = |is_on| if is_on { "on" } else { "off" }.to_owned();
        match name {
            "transaction_read_only" => flag(self.transaction.is_read_only()),
            "default_transaction_read_only" => flag(self.transaction.reads_only()),
            _ => self.settings.get(name).to_owned(),
        }
    }

    /// Sets a parameter, and tells the client where it has to know.
    async fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), Stop> {
        let change = self.settings.change(name, value)?;
        apply(&self.session, &change).await?;
        if change.name == "default_transaction_read_only" {
            self.transaction.set_read_only(change.value == "on", true);
        }
        if change.is_reported {
            self.link.out.parameter_status(change.name, &change.value);
        }
        self.settings.apply(change);
        Ok(())
    }

    /// All parameters, and all options of the engine's session, as they were at the start.
    async fn reset_all(&mut self) -> Result<(), Stop> {
        for name in self.settings.changed() {
            self.set(name, None).await?;
        }
        as_begun(&self.session, &self.began).await
    }

    /// The connection as it was at its start: with another session, which has no temporary tables and nothing prepared.
    async fn discard_all(&mut self) -> Result<(), Stop> {
        if !self.transaction.is_idle() {
            return Err(Fault::error("25001", "DISCARD ALL is not for the middle of a transaction").into());
        }
        let session = login::open(&self.listener, self.session.owner.clone(), self.peer)?;
        as_begun(&session, &self.began).await?;
        self.prepared.clear();
        self.portals.clear();
        self.session = session;
        self.settings = self.settings.as_begun();
        self.transaction = Default::default();
        let reported: Vec<_> = self.settings.reported().map(|(name, value)| (name, value.to_owned())).collect();
        reported.iter().for_each(|(name, value)| self.link.out.parameter_status(name, value));
        Ok(())
    }
}

/// Every option of the engine's session, in the order of their names.
pub(super) fn options(session: &InUse) -> Vec<(String, Option<String>)> {
    let entries = session.engine.context().state().config_options().entries().into_iter();
    entries.map(|entry| (entry.key, entry.value)).collect()
}

/// Gives a session the options that the connection began with, those of its client among them.
async fn as_begun(session: &InUse, began: &[(String, Option<String>)]) -> Result<(), Stop> {
    let now = options(session);
    for (name, value) in began.iter().filter(|option| !now.contains(option) && !is_of_the_process(&option.0)) {
        let sql = match value {
            Some(value) => format!("SET {name} = '{}'", value.replace('\'', "''")),
            None => format!("RESET {name}"),
        };
        change(session, &sql).await?;
    }
    Ok(())
}

/// A parameter that a client connects with.
///
/// # Errors
/// For one that there is not, and a value that it cannot have.
pub(super) async fn begin_with(session: &InUse, settings: &mut Settings, name: &str, value: &str) -> Result<(), Stop> {
    if super::settings::known(name).is_some() {
        let change = settings.change(name, Some(value))?;
        apply(session, &change).await?;
        settings.apply(change);
        return Ok(());
    }
    let is_name = name.contains('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c));
    if !is_name {
        return Err(Fault::fatal("42704", format!("there is no parameter {name}")).into());
    }
    change(session, &format!("SET {name} = '{}'", value.replace('\'', "''"))).await
}

/// Does what a parameter means to the engine.
async fn apply(session: &InUse, wanted: &Change) -> Result<(), Stop> {
    let set = |option: &str, value: &str| format!("SET {option} = '{}'", value.replace('\'', "''"));
    match &wanted.engine {
        Engine::Nothing => Ok(()),
        Engine::Zone(zone) => change(session, &set("datafusion.execution.time_zone", zone)).await,
        Engine::Schemas(names) => {
            let state = session.engine.context().state();
            let catalogs = &state.config_options().catalog;
            let catalog = state.catalog_list().catalog(&catalogs.default_catalog);
            let found = names.iter().find(|name| catalog.as_ref().is_some_and(|all| all.schema(name).is_some()));
            match found {
                Some(name) if *name == catalogs.default_schema => Ok(()),
                Some(name) => change(session, &set("datafusion.catalog.default_schema", name)).await,
                None if names.is_empty() => Ok(()),
                None => Err(Fault::error("3F000", format!("there is no schema {}", names.join(", "))).into()),
            }
        }
    }
}

/// Runs a statement of ours, known and written down as the client's are.
async fn change(session: &InUse, sql: &str) -> Result<(), Stop> {
    let statement = sql.to_owned();
    let plan =
        |session: InUse| async move { Ok::<_, Status>(vec![statements::plan_complete(&session, &statement).await?]) };
    Box::pin(session.update(sql, plan)).await?;
    Ok(())
}
