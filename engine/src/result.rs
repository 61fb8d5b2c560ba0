//! A running query: batches out, one schema for all of them, the report at the end. Dropping it cancels the query.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::execution::SessionState;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt};

use crate::device::{Ended, QueryReport, Trace};
use crate::error::{Error, ErrorKind, Result};
use crate::files::ScannedFiles;
use crate::plan_cache::{Kept, Place};
use crate::stack::guarded;
use crate::watch::Watch;

/// How far a result is.
enum Progress {
    Running {
        stream: SendableRecordBatchStream,
        files: ScannedFiles,
    },
    /// It failed, and the file at fault is being looked for.
    Failing(BoxFuture<'static, Error>),
    /// Read to its end, failed, or without rows from the start.
    Finished,
}

/// A running query: a stream of batches that all have [`QueryResult::schema`]. Dropping it cancels the query.
pub struct QueryResult {
    schema: SchemaRef,
    progress: Progress,
    ended: Ended,
    plan: Option<RanPlan>,
    is_from_cache: bool,
    /// The plan, and where it goes for another run once all rows have been read.
    kept: Option<(Place, Kept)>,
}

/// The plan, and the state of the session when it was made.
struct RanPlan {
    plan: Arc<dyn ExecutionPlan>,
    state: Arc<SessionState>,
}

impl QueryResult {
    pub(crate) fn empty() -> Self {
        let (schema, progress) = (Arc::new(Schema::empty()), Progress::Finished);
        Self { schema, progress, ended: Ended::Finished, plan: None, is_from_cache: false, kept: None }
    }

    pub(crate) fn running(
        schema: SchemaRef,
        stream: SendableRecordBatchStream,
        plan: Arc<dyn ExecutionPlan>,
        state: Arc<SessionState>,
        files: ScannedFiles,
    ) -> Self {
        let plan = RanPlan { plan, state };
        Self {
            schema,
            progress: Progress::Running { stream, files },
            ended: Ended::Running,
            plan: Some(plan),
            is_from_cache: false,
            kept: None,
        }
    }

    /// The same, of a plan that was kept.
    pub(crate) fn planned_before(mut self) -> Self {
        self.is_from_cache = true;
        self
    }

    /// The same; its plan goes to `place` once it has ended well.
    pub(crate) fn kept_at(mut self, place: Place, kept: Option<Kept>) -> Self {
        self.kept = kept.map(|kept| (place, kept));
        self
    }

    /// The columns, as planned: every batch has exactly this schema, nullability included.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The physical plan that runs; `None` for a statement without rows.
    pub fn physical_plan(&self) -> Option<&Arc<dyn ExecutionPlan>> {
        self.plan.as_ref().map(|ran| &ran.plan)
    }

    /// What ran where. Complete once the stream has ended; before that, and of a query that failed or was stopped, what is known
    /// so far.
    pub fn report(&self) -> QueryReport {
        let report = self.plan.as_ref().map(|ran| QueryReport::of(&ran.state, &ran.plan)).unwrap_or_default();
        QueryReport { ended: self.ended, plan_from_cache: self.is_from_cache, ..report }
    }

    /// A look at it for others than its reader; `None` for a statement without rows.
    pub fn watch(&self) -> Option<Watch> {
        self.plan.as_ref().map(|ran| Watch::new(&ran.plan, &ran.state))
    }

    /// Ends the query before its last row. Its report says what it has done; of a device that is still at a launch, for a moment
    /// what it had done before.
    pub fn cancel(&mut self) {
        self.stop(Ended::StoppedEarly);
    }

    /// The device that did something for it so far; `cpu` where none did.
    pub fn device(&self) -> String {
        let work = self.plan.as_ref().map(|ran| QueryReport::work_of(&ran.plan)).unwrap_or_default();
        QueryReport { work, ..QueryReport::default() }.device().to_owned()
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
        let polled = match &mut self.progress {
            Progress::Finished => return Poll::Ready(None),
            Progress::Failing(explanation) => Some(Err(ready!(explanation.poll_unpin(context)))),
            Progress::Running { stream, .. } => match guarded(|| stream.poll_next_unpin(context)) {
                Ok(polled) => ready!(polled).map(|batch| batch.map_err(Error::from)),
                Err(panic) => Some(Err(panic)),
            },
        };
        match polled {
            Some(Ok(batch)) => Poll::Ready(Some(relabel(batch, &self.schema))),
            Some(Err(error)) => self.fail(error, context),
            None => {
                self.stop(Ended::Finished);
                if let Some((place, kept)) = self.kept.take() {
                    place.put(kept);
                }
                Poll::Ready(None)
            }
        }
    }

    fn fail(&mut self, error: Error, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        match self.stop(Ended::Failed) {
            Some(files) if error.may_be_a_corrupt_file() => {
                self.progress = Progress::Failing(files.explain(error).boxed());
                self.poll_guarded(context)
            }
            _ => Poll::Ready(Some(Err(error))),
        }
    }

    /// Ends the query, if it runs.
    fn stop(&mut self, ended: Ended) -> Option<ScannedFiles> {
        match std::mem::replace(&mut self.progress, Progress::Finished) {
            Progress::Running { stream, files } => {
                // A panic while stopping has no caller left to tell.
                let _ = guarded(move || drop(stream));
                self.ended = ended;
                let trace = self.plan.as_ref().and_then(|ran| ran.state.config().get_extension::<Trace>());
                trace.iter().for_each(|trace| trace.end());
                Some(files)
            }
            Progress::Failing(_) | Progress::Finished => None,
        }
    }
}

impl Drop for QueryResult {
    fn drop(&mut self) {
        self.stop(Ended::StoppedEarly);
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

/// Physical plans differ from logical ones in nullability and metadata (MIN from file statistics is not nullable) and now and
/// then in a decimal's precision; clients compare schemas.
fn relabel(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if Arc::ptr_eq(batch.schema_ref(), schema) || batch.schema_ref() == schema {
        return Ok(batch);
    }
    if batch.num_columns() != schema.fields().len() {
        let message = format!("a batch has {} columns, the plan {}", batch.num_columns(), schema.fields().len());
        return Err(misfit(message));
    }
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        if column.data_type() == field.data_type() {
            columns.push(Arc::clone(column));
        } else {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            columns.push(cast_with_options(column, field.data_type(), &options).map_err(misfit)?);
        }
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows).map_err(misfit)
}

fn misfit(cause: impl std::fmt::Display) -> Error {
    let message = format!("internal error, a bug of ours: a batch does not fit the plan: {cause}");
    Error::new(ErrorKind::Internal, message)
}
