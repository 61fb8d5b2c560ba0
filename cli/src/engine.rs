//! The seam to the engine: all that the shell and the benchmark ask of it, in one place.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::common::ParamValues;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::args::DeviceArg;
use crate::error::Failure;

/// An open session. Clones share it.
#[derive(Clone)]
pub(crate) struct Engine {
    context: SessionContext,
}

/// A statement that runs: its rows come as they are made; dropping it cancels.
pub(crate) struct Running {
    pub(crate) stream: SendableRecordBatchStream,
    pub(crate) plan: Arc<dyn ExecutionPlan>,
}

/// Where an operator ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Device,
    Metadata,
    Host { reason: String },
}

/// What a finished statement did and where.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunReport {
    pub(crate) operators: Vec<(String, Place)>,
    pub(crate) kernel_ms: f64,
    pub(crate) compile_ms: f64,
    pub(crate) bytes: u64,
    pub(crate) floor_ms: f64,
    pub(crate) pipelines: usize,
    pub(crate) compiled_pipelines: usize,
}

impl Running {
    /// The next rows; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, SqlError> {
        self.stream.next().await.transpose().map_err(sql_error)
    }

    /// Complete once the last row is read.
    pub(crate) fn report(&self) -> RunReport {
        RunReport::default()
    }
}

/// Why a statement failed, with its place in the statement's text where that is known.
#[derive(Clone, Debug)]
pub(crate) struct SqlError {
    pub(crate) message: String,
    /// Line and column, from 1, in the statement's text, columns in characters.
    pub(crate) position: Option<(usize, usize)>,
    /// Characters that are marked.
    pub(crate) length: usize,
    pub(crate) hint: Option<String>,
}

impl Engine {
    pub(crate) fn open(_device: DeviceArg) -> Result<Self, Failure> {
        let mut config = SessionConfig::new().with_information_schema(true);
        config.options_mut().sql_parser.collect_spans = true;
        Ok(Self { context: SessionContext::new_with_config(config).enable_url_table() })
    }

    pub(crate) fn context(&self) -> &SessionContext {
        &self.context
    }

    /// The device's name.
    pub(crate) fn device_name(&self) -> String {
        "cpu".to_owned()
    }

    /// Where queries run, in a few words for the shell's greeting.
    pub(crate) fn device_line(&self) -> String {
        "on the CPU".to_owned()
    }

    /// Plans and starts one statement.
    pub(crate) async fn start(&self, sql: &str, params: Option<ParamValues>) -> Result<Running, SqlError> {
        let mut frame = self.context.sql(sql).await.map_err(sql_error)?;
        if let Some(params) = params {
            frame = frame.with_param_values(params).map_err(sql_error)?;
        }
        let context = frame.task_ctx();
        let plan = frame.create_physical_plan().await.map_err(sql_error)?;
        let stream = datafusion::physical_plan::execute_stream(Arc::clone(&plan), Arc::new(context)).map_err(sql_error)?;
        Ok(Running { stream, plan })
    }
}

/// An error of a stream that already runs.
pub(crate) fn sql_error(error: datafusion::error::DataFusionError) -> SqlError {
    let position = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(|span| (span.start.line as usize, span.start.column as usize));
    SqlError { message: error.strip_backtrace(), position, length: 1, hint: None }
}
