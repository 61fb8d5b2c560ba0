//! The extended protocol: statements that are prepared, portals with values for them, rows in parts. A statement is planned when it is
//! prepared, for its types, and again when it runs, as tables and files are then; it runs only then.

use std::sync::Arc;

use maar_engine::{Parameters, QueryKind, split};

use super::command::{Own, own};
use super::conversation::Conversation;
use super::decode::decode;
use super::fault::{Fault, Place};
use super::frontend::{Bind, Target};
use super::keys::Now;
use super::outline::Outline;
use super::parameters::{Parameter, described};
use super::rows::{Rows, check};
use super::simple::shown;
use super::statement::{Begun, Stop, Wanted, begin, heeding, plan};
use super::types::{Column, Format};
use crate::queries::Query;
use crate::session::InUse;
use crate::status::from_engine;

/// Portals of a connection.
const PORTALS_MAX: usize = 64;

/// What a statement is.
enum Meaning {
    Empty,
    Own(Own),
    /// For the engine.
    Sql,
}

/// A statement that a client keeps.
pub(super) struct Prepared {
    sql: Arc<str>,
    meaning: Meaning,
    parameters: Vec<Parameter>,
    /// Of its rows; none where it gives none.
    columns: Vec<Column>,
}

/// A statement with values.
pub(super) struct Portal {
    prepared: Arc<Prepared>,
    parameters: Parameters,
    columns: Vec<Column>,
    state: State,
}

enum State {
    Bound,
    /// Rows are left.
    Runs(Box<Running>),
    Done,
}

struct Running {
    outline: Outline,
    rows: Rows,
    query: Arc<Query>,
}

impl Conversation {
    /// Prepares a statement.
    ///
    /// # Errors
    /// [`Stop`]: mistakes in it are found now.
    pub(super) async fn parse(&mut self, name: String, sql: &str, types: &[u32]) -> Result<(), Stop> {
        if !name.is_empty() && self.prepared.contains_key(&name) {
            return Err(Fault::error("42P05", format!("there is a prepared statement '{name}' already")).into());
        }
        let most = self.session.common.limits.prepared;
        if !name.is_empty() && self.prepared.len() >= most {
            let message = format!("the session has {most} prepared statements, and keeps no more (--max-prepared)");
            return Err(Fault::error("53400", message).with_hint("DEALLOCATE those that are not used").into());
        }
        self.prepared.remove(&name);
        let sql: Arc<str> = sql.into();
        let place = Place::whole(&sql);
        let prepared = Box::pin(self.planned(&sql, types)).await.map_err(|stop| stop.at(&place))?;
        self.prepared.insert(name, Arc::new(prepared));
        self.link.out.parse_complete();
        Ok(())
    }

    async fn planned(&mut self, sql: &Arc<str>, types: &[u32]) -> Result<Prepared, Stop> {
        let prepared =
            |meaning| Prepared { sql: Arc::clone(sql), meaning, parameters: Vec::new(), columns: Vec::new() };
        match split(sql).map_err(|e| from_engine(&e))?.len() {
            0 => return Ok(prepared(Meaning::Empty)),
            1 => {}
            count => {
                let message = format!("a prepared statement is one statement, and these are {count}");
                return Err(Fault::error("42601", message).into());
            }
        }
        if let Some(own) = own(sql) {
            let columns = match &own {
                Own::Show { name } => vec![shown(name)],
                _ => Vec::new(),
            };
            return Ok(Prepared { columns, ..prepared(Meaning::Own(own)) });
        }
        self.transaction.check()?;
        let (text, types) = (Arc::clone(sql), types.to_vec());
        let work = |session: InUse| async move { described(&plan(&session, &text).await?, &types) };
        let deadline = self.deadline();
        let planned = heeding(&mut self.link, deadline, self.session.on_lane(work)).await;
        let (parameters, columns) = match planned {
            Err(Stop::Status(status)) => self.session.planned(sql, Err(status))?,
            Ok(planned) => self.session.planned(sql, Ok(planned))?,
            Err(stop) => return Err(stop),
        };
        Ok(Prepared { parameters, columns, ..prepared(Meaning::Sql) })
    }

    /// Gives a statement values.
    ///
    /// # Errors
    /// For values that are not those of its parameters.
    pub(super) fn bind(&mut self, bind: Bind) -> Result<(), Fault> {
        let Bind { portal: name, statement, formats, values, results } = bind;
        let prepared = self.statement(&statement)?;
        if !matches!(&prepared.meaning, Meaning::Own(Own::Commit | Own::RollBack)) {
            self.transaction.check()?;
        }
        if values.len() != prepared.parameters.len() {
            let (given, wanted) = (values.len(), prepared.parameters.len());
            return Err(Fault::error(
                "08P01",
                format!("the statement has {wanted} parameters, and got {given} values"),
            ));
        }
        if !name.is_empty() && self.portals.contains_key(&name) {
            return Err(Fault::error("42P03", format!("there is a portal '{name}' already")));
        }
        if self.portals.len() >= PORTALS_MAX && !self.portals.contains_key(&name) {
            let message = format!("the connection has {PORTALS_MAX} portals, and keeps no more");
            return Err(Fault::error("53400", message).with_hint("close those that were read"));
        }
        let mut parameters = Parameters::new();
        for (at, (parameter, value)) in prepared.parameters.iter().zip(&values).enumerate() {
            let format = of_all(&formats, at, values.len())?;
            let value = decode(value.as_deref(), format, parameter)
                .map_err(|fault| Fault { message: format!("parameter ${}: {}", at + 1, fault.message), ..fault })?;
            parameters.set(&(at + 1).to_string(), value);
        }
        let mut columns = prepared.columns.clone();
        let count = columns.len();
        for (at, column) in columns.iter_mut().enumerate() {
            column.format = of_all(&results, at, count)?;
        }
        self.portals.insert(name, Portal { prepared, parameters, columns, state: State::Bound });
        self.link.out.bind_complete();
        Ok(())
    }

    fn statement(&self, name: &str) -> Result<Arc<Prepared>, Fault> {
        let unknown = || Fault::error("26000", format!("there is no prepared statement '{name}'"));
        self.prepared.get(name).cloned().ok_or_else(unknown)
    }

    /// Tells the types of parameters and columns.
    ///
    /// # Errors
    /// For what there is not.
    pub(super) fn describe(&mut self, target: &Target) -> Result<(), Fault> {
        let columns = match target {
            Target::Statement(name) => {
                let prepared = self.statement(name)?;
                let oids: Vec<u32> = prepared.parameters.iter().map(|parameter| parameter.oid).collect();
                self.link.out.parameters(&oids);
                prepared.columns.clone()
            }
            Target::Portal(name) => self.portals.get(name).ok_or_else(|| no_portal(name))?.columns.clone(),
        };
        match columns.is_empty() {
            true => self.link.out.no_data(),
            false => self.link.out.columns(&columns),
        }
        Ok(())
    }

    /// Runs a portal, or goes on with it: `most` rows at most, or all (0).
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) async fn execute(&mut self, name: &str, most: usize) -> Result<(), Stop> {
        // Taken out: what fails is gone.
        let mut portal = self.portals.remove(name).ok_or_else(|| no_portal(name))?;
        let place = Place::whole(&portal.prepared.sql);
        let executed = Box::pin(self.run_portal(&mut portal, most)).await;
        executed.map_err(|stop| stop.at(&place))?;
        self.portals.insert(name.to_owned(), portal);
        Ok(())
    }

    async fn run_portal(&mut self, portal: &mut Portal, most: usize) -> Result<(), Stop> {
        let prepared = Arc::clone(&portal.prepared);
        let is_done = matches!(portal.state, State::Done);
        match &prepared.meaning {
            Meaning::Empty => {
                self.link.out.empty_query();
                return Ok(());
            }
            Meaning::Own(own) => {
                let answer = self.run_own(own, &prepared.sql).await?;
                if let Some(warning) = &answer.warning {
                    self.link.out.fault(warning);
                }
                if let Some((_, value)) = &answer.row {
                    self.link.out.text_row(value)?;
                }
                self.link.out.complete(&answer.tag);
                return Ok(());
            }
            Meaning::Sql if is_done => {
                return Err(
                    Fault::error("55000", "the portal has been read to its end: bind the statement again").into()
                );
            }
            Meaning::Sql => {}
        }
        self.transaction.check()?;
        let deadline = self.deadline();
        let mut begun = None;
        if matches!(portal.state, State::Bound) {
            let (running, now) = self.started(&prepared.sql, portal.parameters.clone(), portal.columns.clone()).await?;
            portal.state = State::Runs(Box::new(running));
            begun = Some(now);
        }
        let State::Runs(running) = &mut portal.state else { return Ok(()) };
        let _now = begun.unwrap_or_else(|| self.key.current.set(&running.query));
        let (sent, is_all) = match running.outline.kind {
            QueryKind::Rows => running.rows.send(&mut self.link, &portal.columns, most, deadline).await?,
            QueryKind::Change | QueryKind::Command => (running.rows.count(&mut self.link, deadline).await?, true),
        };
        if !is_all {
            self.link.out.suspended();
            return Ok(());
        }
        self.link.out.complete(&running.outline.tag(sent));
        portal.state = State::Done;
        Ok(())
    }

    /// `columns` as they were described.
    async fn started(
        &mut self,
        sql: &Arc<str>,
        parameters: Parameters,
        columns: Vec<Column>,
    ) -> Result<(Running, Now), Stop> {
        let wanted = Wanted {
            sql: Arc::clone(sql),
            parameters,
            deadline: self.deadline(),
            is_read_only: self.transaction.is_read_only(),
        };
        let begun = Box::pin(begin(&self.session, &mut self.link, &self.key.current, wanted)).await?;
        let Begun { outline, rows, query, now } = begun;
        if outline.changes {
            self.transaction.changed();
        }
        match outline.kind {
            QueryKind::Rows => check(&columns, rows.schema())?,
            QueryKind::Command if !rows.schema().fields().is_empty() && rows.schema().field(0).name() != "count" => {
                let message =
                    "EXECUTE of a query tells its columns only when it runs, which this protocol is too late for";
                return Err(Fault::error("0A000", message)
                    .with_hint("run it as a simple query, or prepare it by the driver")
                    .into());
            }
            QueryKind::Change | QueryKind::Command => {}
        }
        Ok((Running { outline, rows, query }, now))
    }

    /// Forgets a statement or a portal; that there is none is no error.
    pub(super) fn close(&mut self, target: &Target) {
        match target {
            Target::Statement(name) => {
                if let Some(closed) = self.prepared.remove(name) {
                    self.portals.retain(|_, portal| !Arc::ptr_eq(&portal.prepared, &closed));
                }
            }
            Target::Portal(name) => {
                self.portals.remove(name);
            }
        }
        self.link.out.close_complete();
    }
}

/// The format of the one at `at`: none are given for text, one for all, or one for each.
fn of_all(formats: &[Format], at: usize, count: usize) -> Result<Format, Fault> {
    match formats {
        [] => Ok(Format::Text),
        [all] => Ok(*all),
        each if each.len() == count => Ok(each[at]),
        each => Err(Fault::error("08P01", format!("{} formats are given for {count}", each.len()))),
    }
}

fn no_portal(name: &str) -> Fault {
    Fault::error("34000", format!("there is no portal '{name}'"))
}
