//! Statements between the calls of a client: planned by one, run by the next. What runs when is decided here:
//! rows when they are fetched, everything that changes something at once and exactly once; and what waits for a place to run.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Schema, SchemaRef, UInt64Type};
use futures::{Stream, StreamExt, stream};
use maar_engine::datafusion::common::TableReference;
use maar_engine::datafusion::common::tree_node::TreeNodeRecursion;
use maar_engine::datafusion::logical_expr::{DdlStatement, LogicalPlan, Statement as PlanStatement};
use maar_engine::{Query, QueryKind, QueryResult, is_of_the_process};
use tonic::Status;

use crate::queries::{Query as Known, Watched};
use crate::reply::{self, Reply};
use crate::role::Role;
use crate::session::ClientSession;
use crate::status::{capped, from_engine, from_flight};
use crate::system;
use crate::wire::wire_schema;

/// Bytes of one statement.
pub(crate) const SQL_BYTES_MAX: i64 = 1 << 20;

/// The column of a change's result.
const COUNT: &str = "count";

/// A statement that waits to be fetched.
pub(crate) struct Statement {
    schema: SchemaRef,
    state: State,
    wants_place: bool,
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
    /// A query that runs when it is fetched.
    pub(crate) fn planned(query: Query) -> Result<Self, Status> {
        let (schema, wants_place) = (columns(&query)?, wants_place(query.logical_plan()));
        Ok(Self { schema, state: State::Planned(Box::new(query)), wants_place })
    }

    /// Runs changes and commands, one after the other; they are done when this returns. Also whether there may be rows yet.
    pub(crate) async fn at_once(
        session: &ClientSession,
        mut runs: Vec<Query>,
        query: &Watched,
    ) -> Result<Self, Status> {
        let after = After::of(session, &runs);
        let done = match (runs.pop(), runs.is_empty()) {
            (Some(only), true) => Self::started(only, query).await?,
            (last, _) => {
                runs.extend(last);
                let changed = all(runs).await?;
                query.query().count_rows(changed.unsigned_abs());
                query.finish();
                Self::changed(changed)?
            }
        };
        after.done(session);
        Ok(done)
    }

    async fn started(query: Query, watched: &Watched) -> Result<Self, Status> {
        // Of an EXECUTE only running tells whether it gives rows.
        let wants_place = matches!(query.logical_plan(), LogicalPlan::Statement(PlanStatement::Execute(_)));
        let mut result = execute(query).await?;
        let first = result.next_batch().await.transpose().map_err(|e| from_engine(&e))?;
        if !wants_place {
            watched.query().count_rows(first.iter().map(count).sum::<i64>().unsigned_abs());
            watched.finish();
        }
        let schema = wire_schema(&result.schema());
        Ok(Self { schema, state: State::Started { first, rest: Box::new(result) }, wants_place })
    }

    /// A change that was made, in several runs, to so many rows.
    fn changed(rows: i64) -> Result<Self, Status> {
        let rows: ArrayRef = Arc::new(UInt64Array::from(vec![rows.unsigned_abs()]));
        let batch = RecordBatch::try_from_iter_with_nullable([(COUNT, rows, false)]);
        let batch = batch.map_err(|e| from_flight(e.into()))?;
        Ok(Self { schema: batch.schema(), state: State::Changed(batch), wants_place: false })
    }

    /// The columns as the client gets them.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether it runs only when it is fetched.
    pub(crate) fn is_to_run(&self) -> bool {
        matches!(self.state, State::Planned(_))
    }

    /// Whether it takes a place among the statements that run, when it is fetched.
    pub(crate) fn wants_place(&self) -> bool {
        self.wants_place
    }

    /// Runs it, if it has not. Dropping the reply cancels the query. What it does is noted in `known`.
    pub(crate) async fn fetch(self, known: Arc<Known>) -> Result<Reply, Status> {
        Ok(match self.state {
            State::Planned(query) => reply::stream(self.schema, noted(None, execute(*query).await?, known)),
            State::Changed(count) => reply::batch(count),
            State::Started { first, rest } => reply::stream(self.schema, noted(first, *rest, known)),
        })
    }
}

/// `first` and the rows of `rest`, counted as they come. While they do it can be seen how far the query is; once they end, however
/// that comes, it is known what ran them.
fn noted(
    first: Option<RecordBatch>,
    rest: QueryResult,
    known: Arc<Known>,
) -> impl Stream<Item = maar_engine::Result<RecordBatch>> + Send + 'static {
    let counted = Arc::clone(&known);
    known.runs(rest.watch());
    let rest = stream::unfold(Noted { rest, known, has_ended: false }, |mut noted| async move {
        let next = noted.rest.next_batch().await;
        if !matches!(next, Some(Ok(_))) {
            noted.ends();
        }
        next.map(|batch| (batch, noted))
    });
    stream::iter(first.map(Ok)).chain(rest).inspect(move |batch| {
        if let Ok(batch) = batch {
            counted.count_rows(batch.num_rows() as u64);
        }
    })
}

/// The rows of a query that are on their way.
struct Noted {
    rest: QueryResult,
    known: Arc<Known>,
    has_ended: bool,
}

impl Noted {
    /// No more rows are made: what was done is known.
    fn ends(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.rest.cancel();
            self.known.ran(&self.rest.report());
        }
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.ends();
    }
}

/// What is to be done once statements have run: other sessions hear of options of the process.
pub(crate) struct After {
    sets_the_process: bool,
}

impl After {
    pub(crate) fn of(session: &ClientSession, runs: &[Query]) -> Self {
        let sets = |query: &Query| match query.logical_plan() {
            LogicalPlan::Statement(PlanStatement::SetVariable(set)) => is_of_the_process(&set.variable),
            LogicalPlan::Statement(PlanStatement::ResetVariable(reset)) => is_of_the_process(&reset.variable),
            _ => false,
        };
        Self { sets_the_process: session.owner.role == Role::Admin && runs.iter().any(sets) }
    }

    pub(crate) fn done(self, session: &ClientSession) {
        if self.sets_the_process {
            session.common.follow(&session.engine);
        }
    }
}

/// Whether a statement takes a place among those that run. Not what is done in a moment: settings, definitions, and looks at what the
/// server says of itself, which are wanted most while all places are taken.
pub(crate) fn wants_place(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Statement(statement) => matches!(statement, PlanStatement::Execute(_)),
        LogicalPlan::Ddl(ddl) => matches!(ddl, DdlStatement::CreateMemoryTable(_)),
        _ => {
            let mut is_small = true;
            // Visiting cannot fail: the closure does not.
            let _ = plan.apply_with_subqueries(|node| {
                is_small &= is_of_a_moment(node);
                Ok(if is_small { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
            });
            !is_small
        }
    }
}

fn is_of_a_moment(node: &LogicalPlan) -> bool {
    match node {
        LogicalPlan::TableScan(scan) => is_of_the_server(&scan.table_name),
        LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::DescribeTable(_) => true,
        _ => false,
    }
}

fn is_of_the_server(table: &TableReference) -> bool {
    let is_system = table.catalog() == Some(system::CATALOG) && table.schema() == Some(system::SCHEMA);
    is_system || table.schema() == Some("information_schema")
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
    let query = Box::pin(session.engine.prepare(&system::called(sql))).await.map_err(|e| from_engine(&e))?;
    session.owner.role.check(query.logical_plan())?;
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

/// # Errors
/// INVALID_ARGUMENT for statements that give rows: nothing would read them.
pub(crate) fn check_updates(runs: &[Query]) -> Result<(), Status> {
    match runs.iter().any(|query| query.kind() == QueryKind::Rows) {
        false => Ok(()),
        true => Err(Status::invalid_argument("the statement gives rows: run it as a query, not as an update")),
    }
}

/// Runs changes one after the other and gives the number of rows they changed, 0 for a command.
///
/// # Errors
/// Those of the first that fails, which says which it was.
pub(crate) async fn all(runs: Vec<Query>) -> Result<i64, Status> {
    check_updates(&runs)?;
    let (total, mut changed) = (runs.len(), 0);
    for (at, query) in runs.into_iter().enumerate() {
        let ran = async { Ok(execute(query).await?.collect().await.map_err(|e| from_engine(&e))?.0) };
        let batches = ran.await.map_err(|status| if total == 1 { status } else { failed(&status, at, total) })?;
        changed += batches.iter().map(count).sum::<i64>();
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

/// The `count` of a change.
fn count(batch: &RecordBatch) -> i64 {
    let column = batch.column_by_name(COUNT).and_then(|column| column.as_primitive_opt::<UInt64Type>());
    let counts = column.into_iter().flat_map(|counts| counts.iter().flatten());
    counts.map(|count| i64::try_from(count).unwrap_or(i64::MAX)).sum()
}

async fn execute(query: Query) -> Result<QueryResult, Status> {
    Box::pin(query.execute()).await.map_err(|e| from_engine(&e))
}
