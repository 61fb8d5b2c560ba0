//! Statements between the calls of a client: planned by one, run by the next. What runs when is decided here:
//! rows when they are fetched, everything that changes something at once and exactly once.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{SchemaRef, UInt64Type};
use futures::{StreamExt, stream};
use maar_engine::{Query, QueryKind, QueryResult, Session};
use tonic::Status;

use crate::reply::{self, Reply};
use crate::status::from_engine;
use crate::wire::wire_schema;

/// Bytes of one statement.
pub(crate) const SQL_BYTES_MAX: i64 = 1 << 20;

/// A statement that waits to be fetched.
pub(crate) struct Statement {
    schema: SchemaRef,
    state: State,
}

enum State {
    /// Planned; runs when it is fetched.
    Planned(Box<Query>),
    /// Was run at once, because it changes something. The first batch has been asked for, which is the whole of the
    /// work but for an EXECUTE of a query: the rest of its rows come as they are fetched.
    Started { first: Option<RecordBatch>, rest: Box<QueryResult> },
}

impl Statement {
    /// Makes a planned query ready to be fetched; a change or a command is done when this returns.
    pub(crate) async fn ready(query: Query) -> Result<Self, Status> {
        match query.kind() {
            QueryKind::Rows => {
                let schema = columns(&query)?;
                Ok(Self { schema, state: State::Planned(Box::new(query)) })
            }
            QueryKind::Change | QueryKind::Command => {
                let mut result = execute(query).await?;
                let first = result.next_batch().await.transpose().map_err(|e| from_engine(&e))?;
                let schema = wire_schema(&result.schema());
                Ok(Self { schema, state: State::Started { first, rest: Box::new(result) } })
            }
        }
    }

    /// The columns as the client gets them.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Runs it, if it has not. Dropping the reply cancels the query.
    pub(crate) async fn fetch(self) -> Result<Reply, Status> {
        Ok(match self.state {
            State::Planned(query) => reply::stream(self.schema, execute(*query).await?),
            State::Started { first, rest } => reply::stream(self.schema, stream::iter(first.map(Ok)).chain(*rest)),
        })
    }
}

/// Plans one statement; runs nothing.
pub(crate) async fn plan(session: &Session, sql: &str) -> Result<Query, Status> {
    if sql.len() > SQL_BYTES_MAX as usize {
        let message = format!("the statement is {} bytes long, {SQL_BYTES_MAX} are the most", sql.len());
        return Err(Status::invalid_argument(message));
    }
    let query = Box::pin(session.prepare(sql)).await.map_err(|e| from_engine(&e))?;
    refuse_parameters(&query)?;
    Ok(query)
}

fn refuse_parameters(query: &Query) -> Result<(), Status> {
    if query.kind() == QueryKind::Command {
        // Those of a PREPARE are EXECUTE's to fill in; other commands take none, and say so when they run.
        return Ok(());
    }
    match query.parameters().map_err(|e| from_engine(&e))?.keys().next() {
        None => Ok(()),
        Some(name) => Err(Status::unimplemented(format!(
            "this server takes no parameters yet, and the statement has {name}. Hint: write the value into the statement"
        ))),
    }
}

/// The columns of a query as the client will get them; none for what is to be sent as an update.
pub(crate) fn dataset_schema(query: &Query) -> Result<SchemaRef, Status> {
    match query.kind() {
        QueryKind::Rows => columns(query),
        QueryKind::Change | QueryKind::Command => Ok(SchemaRef::new(arrow::datatypes::Schema::empty())),
    }
}

fn columns(query: &Query) -> Result<SchemaRef, Status> {
    let schema = query.schema().map_err(|e| from_engine(&e))?;
    Ok(wire_schema(&schema))
}

/// Runs a statement that changes something and gives the number of rows it changed, 0 for a command.
///
/// # Errors
/// INVALID_ARGUMENT for a statement that gives rows: nothing would read them.
pub(crate) async fn update(query: Query) -> Result<i64, Status> {
    if query.kind() == QueryKind::Rows {
        return Err(Status::invalid_argument("the statement gives rows: run it as a query, not as an update"));
    }
    let (batches, _) = execute(query).await?.collect().await.map_err(|e| from_engine(&e))?;
    Ok(batches.iter().map(count).sum())
}

/// The `count` of a change.
fn count(batch: &RecordBatch) -> i64 {
    let column = batch.column_by_name("count").and_then(|column| column.as_primitive_opt::<UInt64Type>());
    let counts = column.into_iter().flat_map(|counts| counts.iter().flatten());
    counts.map(|count| i64::try_from(count).unwrap_or(i64::MAX)).sum()
}

async fn execute(query: Query) -> Result<QueryResult, Status> {
    Box::pin(query.execute()).await.map_err(|e| from_engine(&e))
}
