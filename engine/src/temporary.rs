//! TEMP tables and views: each is in the schema that it is made in, is seen by its session alone, and hides a table of the
//! same name that all sessions see, until it is dropped. As in MySQL; PostgreSQL has a schema for them.
//!
//! Not here: what the word means in a statement (`dialect/temporary`).

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::{TableType, source_as_provider};
use datafusion::error::Result as HostResult;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::SessionConfig;
use parking_lot::RwLock;

use crate::catalogs::{LookUp, looked_up_by};
use crate::error::{Error, ErrorKind, Result};

/// For whom a table is that is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Making {
    /// The session alone.
    Temporary,
    /// All sessions.
    Shared,
}

tokio::task_local! {
    /// While CREATE runs. Whatever it reads is planned by then: names that are looked up are the one that it makes.
    static MAKING: Making;
}

/// The temporary tables of a session, by catalog, schema and name.
#[derive(Debug, Default)]
struct Temporary(RwLock<HashMap<Key, Arc<dyn TableProvider>>>);

type Key = (String, String, String);

/// `shared`, with the temporary tables of a new session before its own, which `config` then holds.
pub(crate) fn with_temporary(
    config: &mut SessionConfig,
    shared: &Arc<dyn CatalogProviderList>,
) -> Arc<dyn CatalogProviderList> {
    let temporary = Arc::new(Temporary::default());
    config.set_extension(Arc::clone(&temporary));
    looked_up_by(shared, temporary)
}

/// Marks a plan as that of a TEMP table or view.
pub(crate) fn mark(plan: &mut LogicalPlan) {
    if let Some(temporary) = word(plan) {
        *temporary = true;
    }
}

/// `running` of a plan that [`CreateOf`] was taken from.
pub(crate) async fn made_by<F: Future>(create: CreateOf, running: F) -> F::Output {
    match create.0 {
        Some(making) => MAKING.scope(making, running).await,
        None => running.await,
    }
}

/// What a plan makes, if it is CREATE TABLE or CREATE VIEW.
pub(crate) struct CreateOf(Option<Making>);

impl CreateOf {
    /// Takes the word TEMP off the plan, which the host refuses.
    pub(crate) fn taken_off(plan: &mut LogicalPlan) -> Self {
        let making = |temporary: &mut bool| match std::mem::take(temporary) {
            true => Making::Temporary,
            false => Making::Shared,
        };
        Self(word(plan).map(making))
    }
}

fn word(plan: &mut LogicalPlan) -> Option<&mut bool> {
    match plan {
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(create)) => Some(&mut create.temporary),
        LogicalPlan::Ddl(DdlStatement::CreateView(create)) => Some(&mut create.temporary),
        _ => None,
    }
}

/// # Errors
/// [`ErrorKind::Invalid`] for a view for all sessions that reads a temporary table: they would see through it what is not theirs.
pub(crate) fn check_view(config: &SessionConfig, plan: &LogicalPlan) -> Result<()> {
    let LogicalPlan::Ddl(DdlStatement::CreateView(create)) = plan else { return Ok(()) };
    let Some(temporary) = config.get_extension::<Temporary>().filter(|_| !create.temporary) else { return Ok(()) };
    let mut read = None;
    create.input.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(table) = source_as_provider(&scan.source)
            && temporary.holds(&table)
        {
            read = Some(scan.table_name.clone());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    match read {
        None => Ok(()),
        Some(table) => Err(Error::new(
            ErrorKind::Invalid,
            format!("the view {} reads the temporary table {}, which no other session has", create.name, table.table()),
        )
        .with_hint("CREATE TEMP VIEW makes a view for this session")),
    }
}

impl Temporary {
    fn get(&self, place: (&str, &str), name: &str) -> Option<Arc<dyn TableProvider>> {
        self.0.read().get(&key(place, name)).cloned()
    }

    fn holds(&self, table: &Arc<dyn TableProvider>) -> bool {
        self.0.read().values().any(|own| std::ptr::addr_eq(Arc::as_ptr(own), Arc::as_ptr(table)))
    }
}

fn key((catalog, schema): (&str, &str), name: &str) -> Key {
    (catalog.to_string(), schema.to_string(), name.to_string())
}

fn making() -> Option<Making> {
    MAKING.try_with(|making| *making).ok()
}

#[async_trait]
impl LookUp for Temporary {
    async fn table(
        &self,
        schema: &dyn SchemaProvider,
        place: (&str, &str),
        name: &str,
    ) -> HostResult<Option<Arc<dyn TableProvider>>> {
        match (making(), self.get(place, name)) {
            (Some(Making::Temporary), own) => Ok(own),
            (None, Some(own)) => Ok(Some(own)),
            (Some(Making::Shared), _) | (None, None) => schema.table(name).await,
        }
    }

    async fn table_type(
        &self,
        schema: &dyn SchemaProvider,
        place: (&str, &str),
        name: &str,
    ) -> HostResult<Option<TableType>> {
        match self.get(place, name) {
            Some(own) if own.table_type() == TableType::Base => Ok(Some(TableType::Temporary)),
            Some(own) => Ok(Some(own.table_type())),
            None => schema.table_type(name).await,
        }
    }

    fn names(&self, schema: &dyn SchemaProvider, place: (&str, &str)) -> Vec<String> {
        let mut names = schema.table_names();
        let own = self.0.read();
        let here = own.keys().filter(|(catalog, schema, _)| (catalog.as_str(), schema.as_str()) == place);
        let hidden: Vec<String> = here.map(|(_, _, name)| name.clone()).filter(|name| !names.contains(name)).collect();
        names.extend(hidden);
        names
    }

    fn is_there(&self, schema: &dyn SchemaProvider, place: (&str, &str), name: &str) -> bool {
        self.get(place, name).is_some() || schema.table_exist(name)
    }

    fn register(
        &self,
        schema: &dyn SchemaProvider,
        place: (&str, &str),
        name: String,
        table: Arc<dyn TableProvider>,
    ) -> HostResult<Option<Arc<dyn TableProvider>>> {
        match making() {
            Some(Making::Temporary) => Ok(self.0.write().insert(key(place, &name), table)),
            Some(Making::Shared) | None => schema.register_table(name, table),
        }
    }

    fn deregister(
        &self,
        schema: &dyn SchemaProvider,
        place: (&str, &str),
        name: &str,
    ) -> HostResult<Option<Arc<dyn TableProvider>>> {
        if making() != Some(Making::Shared) {
            let own = self.0.write().remove(&key(place, name));
            if own.is_some() || making() == Some(Making::Temporary) {
                return Ok(own);
            }
        }
        schema.deregister_table(name)
    }
}
