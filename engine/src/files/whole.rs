//! COPY and INSERT write files whole or not at all. The host's writers take rows from a channel and finish a file when no more
//! come, also where the query failed: half of its rows would lie there under the name of all. Here files get their names only once the
//! rows have come to their end, whatever fails or is stopped before that leaves none, and the error is the first thing that failed.
//!
//! Not here: the waiting of a store (`whole_store`), and the sinks themselves, which are the host's and `hive_sink`'s.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::analyze::AnalyzeExec;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, RecordBatchStream, SendableRecordBatchStream,
};
use futures::Stream;

use super::whole_store::{End, guarded};

/// Puts itself between a plan and the sink that it writes to.
#[derive(Debug)]
pub(crate) struct WriteWhole;

impl PhysicalOptimizerRule for WriteWhole {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(new) = WholeSink::around(&plan) {
            return Ok(new);
        }
        // EXPLAIN ANALYZE stands above what it explains.
        let below = plan.downcast_ref::<AnalyzeExec>().map(|analyze| Arc::clone(analyze.input()));
        match below.and_then(|below| WholeSink::around(&below)) {
            Some(new) => {
                plan.replace_children(vec![new], ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
            }
            None => Ok(plan),
        }
    }

    fn name(&self) -> &str {
        "maar_write_whole"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A sink around that of `host`.
#[derive(Debug)]
struct WholeSink {
    host: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
}

impl WholeSink {
    fn around(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
        let exec = plan.downcast_ref::<DataSinkExec>().filter(|exec| !exec.sink().is::<Self>())?;
        let sink = Self { host: Arc::clone(plan), schema: Arc::clone(exec.sink().schema()) };
        Some(Arc::new(DataSinkExec::new(Arc::clone(exec.input()), Arc::new(sink), exec.sort_order().clone())))
    }

    fn inner(&self) -> Option<&dyn DataSink> {
        Some(self.host.downcast_ref::<DataSinkExec>()?.sink())
    }
}

impl DisplayAs for WholeSink {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner().map_or(Ok(()), |sink| sink.fmt_as(format, f))
    }
}

#[async_trait]
impl DataSink for WholeSink {
    fn metrics(&self) -> Option<MetricsSet> {
        self.inner()?.metrics()
    }

    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    async fn write_all(&self, data: SendableRecordBatchStream, context: &Arc<TaskContext>) -> Result<u64> {
        let Some(sink) = self.inner() else {
            return datafusion::common::internal_err!("there is no sink to write to");
        };
        let end = End::default();
        let runtime = guarded(&context.runtime_env(), &end)?;
        let rows = Rows { rows: data, end: end.clone() };
        let written = sink.write_all(Box::pin(rows), &with_runtime(context, runtime)).await;
        if written.is_err() {
            end.clear().await;
        }
        written.map_err(|e| end.cause().unwrap_or(e))
    }
}

fn with_runtime(
    context: &TaskContext,
    runtime: Arc<datafusion::execution::runtime_env::RuntimeEnv>,
) -> Arc<TaskContext> {
    let config = context.session_config().clone();
    let new = TaskContext::new(
        context.task_id(),
        context.session_id(),
        config,
        context.scalar_functions().clone(),
        context.higher_order_functions().clone(),
        context.aggregate_functions().clone(),
        context.window_functions().clone(),
        runtime,
    );
    Arc::new(new)
}

/// Rows that tell how they ended.
struct Rows {
    rows: SendableRecordBatchStream,
    end: End,
}

impl Stream for Rows {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = ready!(self.rows.as_mut().poll_next(context));
        Poll::Ready(match polled {
            Some(Err(e)) => Some(Err(self.end.fail(e))),
            None => {
                self.end.complete();
                None
            }
            some => some,
        })
    }
}

impl RecordBatchStream for Rows {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

impl Drop for Rows {
    /// Nobody wants the rest of them: the statement was stopped.
    fn drop(&mut self) {
        self.end.abandon();
    }
}
