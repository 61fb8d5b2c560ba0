//! Statements between the calls of a client: planned by one, run by the next. What runs when is decided here:
//! rows when they are fetched, everything that changes something at once and exactly once.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Schema, SchemaRef, UInt64Type};
use futures::{StreamExt, stream};
use maar_engine::{Query, QueryKind, QueryResult};
use tonic::Status;

use crate::reply::{self, Reply};
use crate::session::ClientSession;
use crate::status::{from_engine, from_flight};
use crate::wire::wire_schema;

/// Bytes of one statement.
pub(crate) const SQL_BYTES_MAX: i64 = 1 << 20;

/// The column of a change's result.
const COUNT: &str = "count";

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
    /// Was run at once, several times over: the sum of its counts.
    Changed(RecordBatch),
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

    /// A change that was made, in several runs, to so many rows.
    pub(crate) fn changed(rows: i64) -> Result<Self, Status> {
        let rows: ArrayRef = Arc::new(UInt64Array::from(vec![rows.unsigned_abs()]));
        let batch = RecordBatch::try_from_iter_with_nullable([(COUNT, rows, false)]);
        let batch = batch.map_err(|e| from_flight(e.into()))?;
        Ok(Self { schema: batch.schema(), state: State::Changed(batch) })
    }

    /// The columns as the client gets them.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Runs it, if it has not. Dropping the reply cancels the query.
    pub(crate) async fn fetch(self) -> Result<Reply, Status> {
        Ok(match self.state {
            State::Planned(query) => reply::stream(self.schema, execute(*query).await?),
            State::Changed(count) => reply::batch(count),
            State::Started { first, rest } => reply::stream(self.schema, stream::iter(first.map(Ok)).chain(*rest)),
        })
    }
}

/// Plans one statement; runs nothing. Every statement of a client comes through here.
///
/// # Errors
/// PERMISSION_DENIED for what the session's user may not do, and those of planning.
pub(crate) async fn plan(session: &ClientSession, sql: &str) -> Result<Query, Status> {
    if sql.len() > SQL_BYTES_MAX as usize {
        let message = format!("the statement is {} bytes long, {SQL_BYTES_MAX} are the most", sql.len());
        return Err(Status::invalid_argument(message));
    }
    let query = Box::pin(session.engine.prepare(sql)).await.map_err(|e| from_engine(&e))?;
    session.role.check(query.logical_plan())?;
    Ok(query)
}

/// Plans a statement that comes without values.
///
/// # Errors
/// INVALID_ARGUMENT for one with parameters, and those of planning.
pub(crate) async fn plan_complete(session: &ClientSession, sql: &str) -> Result<Query, Status> {
    let query = plan(session, sql).await?;
    match parameters(&query)?.keys().next() {
        None => Ok(query),
        Some(name) => Err(Status::invalid_argument(format!(
            "the parameter {name} has no value. Hint: prepare the statement and bind one, or write it into the statement"
        ))),
    }
}

/// The parameters of a statement, with their types where planning could tell.
pub(crate) fn parameters(query: &Query) -> Result<BTreeMap<String, Option<DataType>>, Status> {
    match query.kind() {
        // Those of a PREPARE are EXECUTE's to fill in; other commands take none, and say so when they run.
        QueryKind::Command => Ok(BTreeMap::new()),
        QueryKind::Rows | QueryKind::Change => query.parameters().map_err(|e| from_engine(&e)),
    }
}

/// The columns of a query as the client will get them; none for what is to be sent as an update.
pub(crate) fn dataset_schema(query: &Query) -> Result<SchemaRef, Status> {
    match query.kind() {
        QueryKind::Rows => columns(query),
        QueryKind::Change | QueryKind::Command => Ok(SchemaRef::new(Schema::empty())),
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
    let column = batch.column_by_name(COUNT).and_then(|column| column.as_primitive_opt::<UInt64Type>());
    let counts = column.into_iter().flat_map(|counts| counts.iter().flatten());
    counts.map(|count| i64::try_from(count).unwrap_or(i64::MAX)).sum()
}

async fn execute(query: Query) -> Result<QueryResult, Status> {
    Box::pin(query.execute()).await.map_err(|e| from_engine(&e))
}
