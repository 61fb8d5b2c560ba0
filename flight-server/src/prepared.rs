//! A prepared statement: its SQL, which is planned anew whenever it runs, as files and tables change, and the values that its
//! parameters were given last.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use maar_engine::{Query, QueryKind};
use parking_lot::Mutex;
use tonic::Status;

use crate::parameters::{Values, Wanted};
use crate::session::ClientSession;
use crate::statements::{self, Statement};
use crate::status::{capped, from_engine};

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

    /// Makes it ready to be fetched with the values that are bound; a change is made once for each row of them.
    ///
    /// # Errors
    /// INVALID_ARGUMENT where it gives rows and not exactly one row of values is bound.
    pub(crate) async fn ready(&self, session: &ClientSession) -> Result<Statement, Status> {
        let mut runs = self.runs(session, None).await?;
        match (runs.pop(), runs.len()) {
            (Some(query), 0) => Statement::ready(query).await,
            (Some(query), before) if query.kind() == QueryKind::Rows => {
                Err(Status::invalid_argument(format!("a query takes one row of values, and {} are bound", before + 1)))
            }
            (Some(last), _) => {
                runs.push(last);
                Statement::changed(all(runs).await?)
            }
            (None, _) => match statements::plan(session, &self.sql).await?.kind() {
                QueryKind::Rows => Err(Status::invalid_argument("a query takes one row of values, and none is bound")),
                QueryKind::Change | QueryKind::Command => Statement::changed(0),
            },
        }
    }

    /// Runs a change once for each row of `values`, or of those that are bound if it is nothing, and gives the number of rows
    /// changed.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a statement that gives rows; those of the first run that fails, saying which.
    pub(crate) async fn update(&self, session: &ClientSession, values: Values) -> Result<i64, Status> {
        let values = (!values.is_nothing()).then_some(&values);
        all(self.runs(session, values).await?).await
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

/// Runs changes one after the other.
async fn all(runs: Vec<Query>) -> Result<i64, Status> {
    let (count, mut changed) = (runs.len(), 0);
    for (at, query) in runs.into_iter().enumerate() {
        let run = statements::update(query).await;
        changed += run.map_err(|status| if count == 1 { status } else { failed(&status, at, count) })?;
    }
    Ok(changed)
}

fn failed(status: &Status, at: usize, count: usize) -> Status {
    let before = match at {
        0 => "nothing was changed".to_owned(),
        1 => "the row before it was carried out".to_owned(),
        _ => format!("the {at} rows before it were carried out"),
    };
    Status::new(status.code(), capped(format!("row {} of {count}: {}; {before}", at + 1, status.message())))
}
