//! Table functions over files, as DuckDB has them: `read_parquet`, `read_csv`, `read_json`, `read_arrow`, `read_avro`, `read_orc`, `delta_scan`, `iceberg_scan`,
//! `parquet_metadata`, `parquet_schema` and `glob`. Each becomes a table that this statement alone sees. A reader of one path whose name says
//! what it is becomes that path: `read_parquet('x.parquet')` is `'x.parquet'`. `read_files` is what a list in FROM becomes.

mod metadata;
mod options;

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, TableAlias, TableFactor, VisitorMut};

pub(super) use self::options::READ_FILES;
use self::options::{Call, Kind};
use super::walk::visit_mut;
use crate::error::{Error, Result};
use crate::{files, lake, secrets};

/// A table that a call became, by its name in the statement.
pub(super) type Named = (String, Arc<dyn TableProvider>);

/// Replaces the calls in `statement`; the tables that they became.
///
/// # Errors
/// For an option that is not known, a path that is not there, and a file that cannot be read.
pub(super) async fn replace(state: &SessionState, statement: &mut Statement) -> Result<Vec<Named>> {
    let mut calls = Calls { state, found: Vec::new() };
    if let ControlFlow::Break(error) = visit_mut(statement, &mut calls) {
        return Err(error);
    }
    let mut tables = Vec::with_capacity(calls.found.len());
    for (name, call) in calls.found {
        tables.push((name, table(state, &call).await.map_err(|e| e.or_at(call.position))?));
    }
    Ok(tables)
}

struct Calls<'s> {
    state: &'s SessionState,
    found: Vec<(String, Call)>,
}

impl VisitorMut for Calls<'_> {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match self.replace(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Calls<'_> {
    fn replace(&mut self, factor: &mut TableFactor) -> Result<()> {
        let TableFactor::Table { name, args, alias, .. } = factor else { return Ok(()) };
        let (Some(arguments), Some(ident)) = (&args, name.0.first().and_then(|part| part.as_ident())) else {
            return Ok(());
        };
        let function = ident.value.to_ascii_lowercase();
        if name.0.len() != 1 || self.state.table_functions().contains_key(&function) {
            return Ok(());
        }
        let Some(kind) = Kind::of(&function) else { return Ok(()) };
        let call = Call::of(kind, &function, ident, &arguments.args)?;
        let table = match call.plain_path() {
            Some(path) => path.to_string(),
            None => {
                // Neither a path nor a name that a table is likely to have.
                let table = format!("{function}() {}", self.found.len() + 1);
                self.found.push((table.clone(), call));
                table
            }
        };
        alias.get_or_insert_with(|| TableAlias {
            explicit: true,
            name: Ident::with_quote('"', function),
            columns: Vec::new(),
            at: None,
        });
        *name = ObjectName::from(vec![Ident::with_quote('"', table)]);
        *args = None;
        Ok(())
    }
}

async fn table(state: &SessionState, call: &Call) -> Result<Arc<dyn TableProvider>> {
    match call.kind {
        Kind::Glob => metadata::glob(state, &call.paths).await,
        Kind::ParquetMetadata => metadata::parquet_metadata(state, &call.paths).await,
        Kind::ParquetSchema => metadata::parquet_schema(state, &call.paths).await,
        Kind::Lake(format) => Ok(Arc::new(lake::read(state, format, &call.paths, call.options.clone()).await?)),
        Kind::Secrets => secrets::table(state.config()),
        Kind::Files => Ok(Arc::new(files::table_of(state, &call.paths).await?)),
        Kind::Parquet | Kind::Csv | Kind::Json | Kind::Arrow | Kind::Avro | Kind::Orc => {
            files::read(state, &call.reading()).await
        }
    }
}
