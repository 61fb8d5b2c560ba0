//! The tables that a statement names, looked up once: names are resolved against their columns before planning, and the
//! planner then gets the very same tables. Looking a file up means listing and reading it.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::Result as HostResult;
use datafusion::execution::SessionState;
use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Query, Statement as SqlStatement, Visit, Visitor};
use parking_lot::Mutex;

use super::names::matching;
use crate::catalogs::{LookUp, looked_up_by};
use crate::error::{Error, Result};
use crate::stack::Guarded;

/// A table that a name in the statement stands for.
#[derive(Debug, Clone)]
pub(super) struct NamedTable {
    /// Its own name, without catalog and schema.
    pub(super) name: String,
    pub(super) schema: SchemaRef,
}

/// What the names of tables in a statement stand for. Names of common table expressions are not among them.
#[derive(Debug, Default)]
pub(super) struct Tables(HashMap<String, NamedTable>);

impl Tables {
    /// Looks up every table that `statement` names, and makes `state` remember them. `made` are tables of the statement's
    /// own.
    ///
    /// # Errors
    /// When several tables differ from a name in case alone.
    pub(super) async fn of(
        state: &mut SessionState,
        statement: &Statement,
        made: Vec<(String, Arc<dyn TableProvider>)>,
    ) -> Result<Self> {
        let mut named = Named::default();
        named.visit(statement);
        let mut tables = Self::default();
        if named.relations.is_empty() {
            return Ok(tables);
        }
        let defaults = &state.config_options().catalog;
        let place = |name| (defaults.default_catalog.clone(), defaults.default_schema.clone(), name);
        let made: Places = made.into_iter().map(|(name, table)| (place(name), table)).collect();
        let remembering = looked_up_by(state.catalog_list(), Arc::new(Memory(Mutex::new(made))));
        state.register_catalog_list(remembering);
        for relation in named.relations {
            if let Some(table) = look_up(state, &relation, &named.queries).await? {
                tables.0.insert(relation.to_string(), table);
            }
        }
        Ok(tables)
    }

    pub(super) fn get(&self, name: &ObjectName) -> Option<&NamedTable> {
        self.0.get(&name.to_string())
    }
}

async fn look_up(state: &SessionState, name: &ObjectName, queries: &HashSet<String>) -> Result<Option<NamedTable>> {
    let Some(idents) = name.0.iter().map(|part| part.as_ident()).collect::<Option<Vec<&Ident>>>() else {
        return Ok(None);
    };
    let defaults = &state.config_options().catalog;
    let (catalog, schema, table) = match idents.as_slice() {
        [table] => (defaults.default_catalog.clone(), defaults.default_schema.clone(), *table),
        [schema, table] => (defaults.default_catalog.clone(), read(schema), *table),
        [catalog, schema, table] => (read(catalog), read(schema), *table),
        _ => return Ok(None),
    };
    let reference = datafusion::common::TableReference::full(catalog, schema, read(table));
    let Ok(provider) = state.schema_for_ref(reference) else { return Ok(None) };
    let Some(spelled) = spelled(provider.as_ref(), table, idents.len() == 1, queries)? else { return Ok(None) };
    // What goes wrong with the file itself is said when the statement is planned.
    match Guarded::new(async { provider.table(&spelled).await.map_err(Error::from) }).await {
        Ok(Some(found)) => Ok(Some(NamedTable { name: spelled, schema: found.schema() })),
        Ok(None) | Err(_) => Ok(None),
    }
}

/// How the table is spelled in its schema; a path stays as it is.
fn spelled(schema: &dyn SchemaProvider, name: &Ident, bare: bool, queries: &HashSet<String>) -> Result<Option<String>> {
    let planned = read(name);
    if planned == name.value && schema.table_exist(&planned) {
        return Ok(Some(planned));
    }
    let names = schema.table_names();
    if let Some(at) = matching("table", name, names.iter().map(String::as_str))? {
        return Ok(Some(names[at].clone()));
    }
    let is_query = bare && queries.contains(&planned.to_lowercase());
    Ok((!is_query).then_some(planned))
}

/// The name that the planner reads.
fn read(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() }
}

/// The relations of a statement, and the names of its common table expressions in lower case.
#[derive(Default)]
struct Named {
    relations: HashSet<ObjectName>,
    queries: HashSet<String>,
}

impl Named {
    fn visit(&mut self, statement: &Statement) {
        let _ = match statement {
            Statement::Statement(inner) => match inner.as_ref() {
                SqlStatement::Drop { names, .. } => {
                    self.relations.extend(names.iter().cloned());
                    ControlFlow::Continue(())
                }
                other => other.visit(self),
            },
            Statement::CopyTo(copy) => match &copy.source {
                CopyToSource::Query(query) => query.visit(self),
                CopyToSource::Relation(name) => self.pre_visit_relation(name),
            },
            Statement::Explain(explain) => {
                self.visit(&explain.statement);
                ControlFlow::Continue(())
            }
            Statement::CreateExternalTable(_) | Statement::Reset(_) => ControlFlow::Continue(()),
        };
    }
}

impl Visitor for Named {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.relations.insert(relation.clone());
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let queries = query.with.iter().flat_map(|with| &with.cte_tables);
        self.queries.extend(queries.map(|query| query.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }
}

/// Tables by catalog, schema and name.
type Places = HashMap<(String, String, String), Arc<dyn TableProvider>>;

/// The tables that one statement has looked up: each is looked up once.
#[derive(Debug)]
struct Memory(Mutex<Places>);

#[async_trait]
impl LookUp for Memory {
    async fn table(
        &self,
        schema: &dyn SchemaProvider,
        (catalog, of): (&str, &str),
        name: &str,
    ) -> HostResult<Option<Arc<dyn TableProvider>>> {
        let key = (catalog.to_string(), of.to_string(), name.to_string());
        let known = self.0.lock().get(&key).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let found = schema.table(name).await?;
        if let Some(table) = &found {
            self.0.lock().insert(key, Arc::clone(table));
        }
        Ok(found)
    }
}
