//! A prepared statement: its SQL, which is planned anew whenever it runs, as files and tables change, and the values that its
//! parameters were given last.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use maar_engine::{Query, QueryKind};
use parking_lot::Mutex;
use tonic::Status;

use crate::parameters::{Values, Wanted};
use crate::session::ClientSession;
use crate::statements;
use crate::status::from_engine;

/// A statement that a client keeps.
pub(crate) struct Prepared {
    sql: String,
    wanted: Wanted,
    bound: Mutex<Arc<Values>>,
}

impl Prepared {
    /// Plans `sql` for a first time; also gives the columns of its rows.
    ///
    /// # Errors
    /// Those of planning: mistakes are found when preparing.
    pub(crate) async fn new(session: &ClientSession, sql: String) -> Result<(Self, SchemaRef), Status> {
        let query = statements::plan(session, &sql).await?;
        let wanted = Wanted::new(statements::parameters(&query)?)?;
        let columns = statements::dataset_schema(&query)?;
        Ok((Self { sql, wanted, bound: Mutex::default() }, columns))
    }

    /// What a client is to bind.
    pub(crate) fn parameters(&self) -> Schema {
        self.wanted.schema()
    }

    /// Gives the parameters values, until others are bound.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for more or fewer values than there are parameters.
    pub(crate) fn bind(&self, values: Values) -> Result<(), Status> {
        self.wanted.check(&values)?;
        *self.bound.lock() = Arc::new(values);
        Ok(())
    }

    /// The columns of its rows: with the values that are bound, if there are any.
    ///
    /// # Errors
    /// Those of planning.
    pub(crate) async fn columns(&self, session: &ClientSession) -> Result<SchemaRef, Status> {
        match self.runs(session, None).await {
            Ok(runs) if runs.len() == 1 => statements::dataset_schema(&runs[0]),
            _ => statements::dataset_schema(&statements::plan(session, &self.sql).await?),
        }
    }

    /// What it says.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    /// The statement with the values that are bound: one query, or a change for each row of them.
    ///
    /// # Errors
    /// INVALID_ARGUMENT where it gives rows and not exactly one row of values is bound.
    pub(crate) async fn bound(&self, session: &ClientSession) -> Result<Vec<Query>, Status> {
        let runs = self.runs(session, None).await?;
        let kind = match runs.first() {
            Some(query) => query.kind(),
            None => statements::plan(session, &self.sql).await?.kind(),
        };
        match (kind, runs.len()) {
            (QueryKind::Rows, 0) => Err(Status::invalid_argument("a query takes one row of values, and none is bound")),
            (QueryKind::Rows, rows @ 2..) => {
                Err(Status::invalid_argument(format!("a query takes one row of values, and {rows} are bound")))
            }
            _ => Ok(runs),
        }
    }

    /// The statement with each row of `values`, or of those that are bound if it is nothing.
    ///
    /// # Errors
    /// Those of planning.
    pub(crate) async fn with(&self, session: &ClientSession, values: Values) -> Result<Vec<Query>, Status> {
        let values = (!values.is_nothing()).then_some(&values);
        self.runs(session, values).await
    }

    /// The statement with each row of values; as it is where it has no parameters.
    async fn runs(&self, session: &ClientSession, values: Option<&Values>) -> Result<Vec<Query>, Status> {
        let query = statements::plan(session, &self.sql).await?;
        if self.wanted.is_empty() {
            return Ok(vec![query]);
        }
        let bound = Arc::clone(&*self.bound.lock());
        let values = values.unwrap_or(&bound);
        if values.is_nothing() {
            return Err(Status::invalid_argument("the parameters of the statement have no values: bind them"));
        }
        let rows = values.rows(&self.wanted)?;
        rows.iter().map(|row| query.clone().with_parameters(row).map_err(|e| from_engine(&e))).collect()
    }
}
