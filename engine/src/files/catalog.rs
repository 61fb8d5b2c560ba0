//! Names that are paths. A table, view or CTE of a name comes first; then a name that looks like a path (it has a slash, the
//! extension of a format, or a pattern) means files. A name that a statement creates or drops is never a path.
//!
//! Not here: what a quoted name without any of these means (`dialect/quoted_paths`), and what is at a path (`open`).

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::execution::context::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{ObjectName, Statement as SqlStatement, visit_relations};
use parking_lot::RwLock;

use super::formats;
use super::open::table_at;
use super::pattern::Pattern;
use crate::catalogs::{LookUp, looked_up_by};
use crate::lake;

/// Which names are no paths while a statement is planned or run.
#[derive(Debug, Clone)]
pub(crate) enum Names {
    /// Those that it creates or drops.
    Of(Vec<String>),
    /// All: it is running, and whatever it reads is planned.
    All,
}

tokio::task_local! {
    /// Of the statement that is being planned or run.
    static NO_PATHS: Names;
}

impl Names {
    /// Those that `statement` creates or drops. A name that it reads as well stays what it is.
    pub(crate) fn of(statement: &Statement) -> Self {
        let own = match statement {
            Statement::CreateExternalTable(create) => vec![&create.name],
            Statement::Statement(statement) => match statement.as_ref() {
                SqlStatement::CreateTable(create) => vec![&create.name],
                SqlStatement::CreateView(create) => vec![&create.name],
                SqlStatement::Drop { names, .. } => names.iter().collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let mut own: Vec<String> = own.into_iter().filter_map(last_part).collect();
        if let (Statement::Statement(statement), false) = (statement, own.is_empty()) {
            let mut named: Vec<String> = Vec::new();
            // Visiting cannot fail: the closure does not.
            let _ = visit_relations(statement.as_ref(), |name| {
                named.extend(last_part(name));
                ControlFlow::<()>::Continue(())
            });
            own.retain(|own| named.iter().filter(|name| *name == own).count() <= 1);
        }
        Self::Of(own)
    }

    /// `future`, for which these names are no paths.
    pub(crate) fn are_no_paths<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        NO_PATHS.scope(self, future)
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(names) => names.iter().any(|own| own == name),
        }
    }
}

fn last_part(name: &ObjectName) -> Option<String> {
    name.0.last()?.as_ident().map(|ident| ident.value.clone())
}

/// Whether `name` can be nothing but a path, where there is no table of that name.
pub(crate) fn looks_like_path(name: &str) -> bool {
    name.contains('/') || Pattern::is_in(name) || formats::is_file_name(name)
}

type Session = Arc<OnceLock<Weak<RwLock<SessionState>>>>;

/// `context`, in whose FROM clauses paths are tables.
pub(crate) fn with_paths(context: SessionContext) -> SessionContext {
    let session = Session::default();
    let paths = Arc::new(Paths(Arc::clone(&session)));
    let catalogs = looked_up_by(context.state_ref().read().catalog_list(), paths);
    let id = context.session_id();
    let state = context.into_state_builder().with_session_id(id).with_catalog_list(catalogs).build();
    let context = SessionContext::from(state);
    // Set once: the cell was made above.
    let _ = session.set(context.state_weak_ref());
    context
}

/// Paths, where there is no table.
#[derive(Debug)]
struct Paths(Session);

#[async_trait]
impl LookUp for Paths {
    async fn table(
        &self,
        schema: &dyn SchemaProvider,
        _: (&str, &str),
        name: &str,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        let table = schema.table(name).await?;
        let is_read = !NO_PATHS.try_with(|names| names.has(name)).unwrap_or(false);
        if !is_read || (table.is_none() && !looks_like_path(name)) {
            return Ok(table);
        }
        let Some(state) = self.0.get().and_then(Weak::upgrade).map(|state| state.read().clone()) else {
            return Ok(table);
        };
        Ok(Some(match table {
            Some(table) => lake::as_it_is(&state, table).await,
            None => table_at(&state, name).await?,
        }))
    }
}
