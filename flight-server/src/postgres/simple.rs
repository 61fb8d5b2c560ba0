//! The simple protocol: a text of statements, run one after the other; the first that fails ends it, and what was done before stands.

use std::sync::Arc;

use maar_engine::{Parameters, QueryKind, Script};
use tokio::task::coop::consume_budget;

use super::command::own;
use super::conversation::Conversation;
use super::fault::{Fault, Place};
use super::statement::{Begun, Stop, Wanted, begin};
use super::types::{Column, Format, Kind, PgType, columns};
use crate::status::from_engine;

impl Conversation {
    /// Runs a text of statements, and tells of each.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) async fn simple(&mut self, text: &str) -> Result<(), Stop> {
        // What has no name is gone with the next query.
        self.prepared.remove("");
        self.portals.remove("");
        let mut is_empty = true;
        for statement in Script::new(text) {
            is_empty = false;
            let statement = statement.map_err(|error| Fault::of(&from_engine(&error), &Place::whole(&text.into())))?;
            let place = Place::within(text, statement.position(), statement.sql());
            self.one(statement.sql()).await.map_err(|stop| stop.at(&place))?;
            self.link.flush_if_full().await?;
            // Many that take no time are together long work: others have their turn.
            consume_budget().await;
        }
        if is_empty {
            self.link.out.empty_query();
        }
        Ok(())
    }

    async fn one(&mut self, sql: &str) -> Result<(), Stop> {
        if let Some(own) = own(sql) {
            return self.one_own(&own, sql).await;
        }
        self.transaction.check()?;
        let deadline = self.deadline();
        let wanted = Wanted {
            sql: Arc::from(sql),
            parameters: Parameters::new(),
            deadline,
            is_read_only: self.transaction.is_read_only(),
        };
        let begun = Box::pin(begin(&self.session, &mut self.link, &self.key.current, wanted)).await?;
        let Begun { outline, mut rows, now: _now, .. } = begun;
        if outline.changes {
            self.transaction.changed();
        }
        let columns = columns(rows.schema())?;
        let sent = match outline.kind {
            QueryKind::Change => rows.count(&mut self.link, deadline).await?,
            QueryKind::Command if columns.is_empty() => rows.count(&mut self.link, deadline).await?,
            QueryKind::Rows | QueryKind::Command => {
                self.link.out.columns(&columns);
                rows.send(&mut self.link, &columns, 0, deadline).await?.0
            }
        };
        self.link.out.complete(&outline.tag(sent));
        Ok(())
    }

    async fn one_own(&mut self, own: &super::command::Own, sql: &str) -> Result<(), Stop> {
        let answer = self.run_own(own, sql).await?;
        if let Some(warning) = &answer.warning {
            self.link.out.fault(warning);
        }
        if let Some((name, value)) = &answer.row {
            self.link.out.columns(&[shown(name)]);
            self.link.out.text_row(value)?;
        }
        self.link.out.complete(&answer.tag);
        Ok(())
    }
}

/// The column of a SHOW.
pub(super) fn shown(name: &str) -> Column {
    Column { name: name.to_owned(), data_type: PgType::one(Kind::Text), modifier: -1, format: Format::Text }
}
