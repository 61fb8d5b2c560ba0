//! A planned statement and its running result. Not here: parsing and the session's state.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::SessionState;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream};
use futures::{Stream, StreamExt};

use crate::device::{self, MaarOptions, Placement, QueryReport};
use crate::error::{Error, ErrorKind, Result};
use crate::explain;
use crate::parameters::Parameters;
use crate::stack::{Guarded, guarded};

/// What a statement gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKind {
    /// Rows: SELECT, VALUES, SHOW, DESCRIBE, EXPLAIN.
    Rows,
    /// One row with the column `count`: INSERT, COPY.
    Change,
    /// Nothing: CREATE, DROP, SET, PREPARE.
    Command,
}

/// A statement that is planned and has not run. Planning has no side effect.
#[derive(Clone)]
pub struct Query {
    context: SessionContext,
    plan: LogicalPlan,
    kind: QueryKind,
}

impl Query {
    pub(crate) fn new(context: SessionContext, plan: LogicalPlan) -> Self {
        let kind = match &plan {
            // EXECUTE gives what was prepared; that is not known before it runs.
            LogicalPlan::Ddl(_) | LogicalPlan::Statement(_) => QueryKind::Command,
            LogicalPlan::Dml(_) | LogicalPlan::Copy(_) => QueryKind::Change,
            _ => QueryKind::Rows,
        };
        Self { context, plan, kind }
    }

    /// What the statement gives back.
    pub fn kind(&self) -> QueryKind {
        self.kind
    }

    /// The columns of the result, exactly as [`QueryResult::schema`] will have them; none for [`QueryKind::Command`].
    /// Types that hang on a placeholder without a value are what planning assumed.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when types do not fit: planning alone does not check them all.
    pub fn schema(&self) -> Result<SchemaRef> {
        match self.kind {
            QueryKind::Command => Ok(Arc::new(Schema::empty())),
            QueryKind::Rows | QueryKind::Change if self.plan.get_parameter_names()?.is_empty() => {
                let analysed = guarded(|| analyse(&self.context.state(), &self.plan))??;
                Ok(Arc::clone(analysed.schema().inner()))
            }
            QueryKind::Rows | QueryKind::Change => Ok(Arc::clone(self.plan.schema().inner())),
        }
    }

    /// The plan as DataFusion made it, before any optimisation.
    pub fn logical_plan(&self) -> &LogicalPlan {
        &self.plan
    }

    /// The placeholders of the statement (`$1`, `$name`) with their types where planning could tell.
    pub fn parameters(&self) -> Result<BTreeMap<String, Option<DataType>>> {
        Ok(self.plan.get_parameter_types()?.into_iter().collect())
    }

    /// The same query with its placeholders filled in.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when a placeholder has no value or one of a wrong type.
    pub fn with_parameters(self, parameters: &Parameters) -> Result<Self> {
        let wanted = self.plan.get_parameter_names()?;
        if let Some(missing) = wanted.iter().filter(|name| !parameters.contains(name)).min() {
            return Err(Error::new(ErrorKind::Invalid, format!("the parameter {missing} has no value")));
        }
        if wanted.is_empty() {
            return Ok(self);
        }
        let plan = guarded(|| self.plan.with_param_values(parameters.to_datafusion()))??;
        Ok(Self { context: self.context, plan, kind: self.kind })
    }

    /// Starts the statement. A [`QueryKind::Command`] is complete when this returns; others run as the result is read.
    pub async fn execute(self) -> Result<QueryResult> {
        Guarded::new(self.start()).await
    }

    async fn start(self) -> Result<QueryResult> {
        let kind = self.kind;
        let plan = match kind {
            QueryKind::Command => match self.run_command().await? {
                Some(plan) => plan,
                None => return QueryResult::empty(),
            },
            QueryKind::Rows | QueryKind::Change => self.plan.clone(),
        };
        let state = self.context.state();
        let analysed = analyse(&state, &plan)?;
        let schema = Arc::clone(analysed.schema().inner());
        let optimised = optimise(&state, analysed)?;
        let physical = state.query_planner().create_physical_plan(&optimised, &state).await?;
        require_device(&state, &plan, &physical)?;
        let stream = execute_stream(Arc::clone(&physical), state.task_ctx())?;
        let stream = explain::with_placement(&state, &optimised, &physical, stream).await?;
        Ok(QueryResult { schema, stream: Some(stream), plan: Some(physical) })
    }

    /// Runs what DataFusion runs while planning. EXECUTE comes back as the plan it stands for.
    async fn run_command(&self) -> Result<Option<LogicalPlan>> {
        let frame = self.context.execute_logical_plan(self.plan.clone()).await?;
        let plan = frame.into_parts().1;
        match &plan {
            LogicalPlan::EmptyRelation(_) => Ok(None),
            LogicalPlan::Statement(_) | LogicalPlan::Ddl(_) => {
                let message = format!("this statement is not supported: {}", plan.display());
                Err(Error::new(ErrorKind::Unsupported, message))
            }
            _ => Ok(Some(plan)),
        }
    }
}

/// The plan with its final types. Only now are they known: before coercion `u64 - 5` has another type than after.
fn analyse(state: &SessionState, plan: &LogicalPlan) -> Result<LogicalPlan> {
    if matches!(plan, LogicalPlan::Explain(_)) {
        // An explanation analyses what it explains by itself, to show each step.
        return Ok(plan.clone());
    }
    Ok(state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {})?)
}

fn optimise(state: &SessionState, analysed: LogicalPlan) -> Result<LogicalPlan> {
    if matches!(analysed, LogicalPlan::Explain(_)) {
        return Ok(state.optimize(&analysed)?);
    }
    Ok(state.optimizer().optimize(analysed, state, |_, _| {})?)
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("kind", &self.kind).field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// Under `maar.require_device`, any operator on the host is an error that names it.
fn require_device(
    state: &SessionState,
    logical: &LogicalPlan,
    physical: &Arc<dyn ExecutionPlan>,
) -> Result<()> {
    let options = state.config_options().extensions.get::<MaarOptions>();
    // An explanation is how one finds out what falls back; SHOW and DESCRIBE read no data.
    let exempt = matches!(logical, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_));
    if exempt || explain::reads_only_information_schema(logical) || !options.is_some_and(|o| o.require_device) {
        return Ok(());
    }
    let fallen = device::placements(physical).into_iter().find_map(|operator| match operator.place {
        Placement::Host { reason } => Some((operator.operator, reason)),
        Placement::Device | Placement::Metadata => None,
    });
    match fallen {
        None => Ok(()),
        Some((operator, reason)) => {
            let message = format!("maar.require_device is set and {operator} would run on the host: {reason}");
            Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("SET maar.require_device = false lets it run there"))
        }
    }
}

/// A running query: a stream of batches that all have [`QueryResult::schema`]. Dropping it cancels the query.
pub struct QueryResult {
    schema: SchemaRef,
    // `None` once finished, failed, or for a statement without rows.
    stream: Option<SendableRecordBatchStream>,
    plan: Option<Arc<dyn ExecutionPlan>>,
}

impl QueryResult {
    fn empty() -> Result<Self> {
        Ok(Self { schema: Arc::new(Schema::empty()), stream: None, plan: None })
    }

    /// The columns, as planned: every batch has exactly this schema, nullability included.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The physical plan that runs; `None` for a statement without rows.
    pub fn physical_plan(&self) -> Option<&Arc<dyn ExecutionPlan>> {
        self.plan.as_ref()
    }

    /// What ran where. Complete once the stream has ended; before that, what is known so far.
    pub fn report(&self) -> QueryReport {
        self.plan.as_ref().map(device::collect).unwrap_or_default()
    }

    /// The next batch; `None` at the end.
    pub async fn next_batch(&mut self) -> Option<Result<RecordBatch>> {
        self.next().await
    }

    /// All batches at once, with the final report.
    pub async fn collect(mut self) -> Result<(Vec<RecordBatch>, QueryReport)> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await {
            batches.push(batch?);
        }
        Ok((batches, self.report()))
    }

    fn poll_guarded(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        let Some(stream) = self.stream.as_mut() else {
            return Poll::Ready(None);
        };
        let polled = match guarded(|| stream.poll_next_unpin(context)) {
            Ok(polled) => ready!(polled).map(|batch| batch.map_err(Error::from)),
            Err(panic) => Some(Err(panic)),
        };
        let labelled = polled.map(|batch| batch.and_then(|batch| relabel(batch, &self.schema)));
        if !matches!(labelled, Some(Ok(_))) {
            self.stop();
        }
        Poll::Ready(labelled)
    }

    fn stop(&mut self) {
        if let Some(stream) = self.stream.take() {
            // A panic while stopping has no caller left to tell.
            let _ = guarded(move || drop(stream));
        }
    }
}

impl Drop for QueryResult {
    fn drop(&mut self) {
        self.stop();
        let plan = self.plan.take();
        let _ = guarded(move || drop(plan));
    }
}

impl Stream for QueryResult {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_guarded(context)
    }
}

impl std::fmt::Debug for QueryResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryResult").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Optimisers change nullability and metadata (MIN from file statistics is not nullable); clients compare schemas.
fn relabel(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if Arc::ptr_eq(batch.schema_ref(), schema) || batch.schema_ref() == schema {
        return Ok(batch);
    }
    let rows = datafusion::arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let labelled = RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &rows);
    labelled.map_err(|e| {
        Error::new(ErrorKind::Internal, format!("internal error, a bug of ours: a batch does not fit the plan: {e}"))
    })
}
