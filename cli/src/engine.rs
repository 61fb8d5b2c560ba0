//! The seam to `maar-engine`: all that the shell and the benchmark ask of it, in one place.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use maar_engine::device::{DeviceKind, DeviceRuntime, MaarOptions, PipelineReport, RuntimeOptions};
use maar_engine::{Error, Parameters, Placement, QueryReport, QueryResult, Session};

use crate::args::DeviceArg;
use crate::error::Failure;

/// An open session. Clones share it.
#[derive(Clone)]
pub(crate) struct Engine {
    session: Session,
}

/// A statement that runs: its rows come as they are made; dropping it cancels.
pub(crate) struct Running {
    result: QueryResult,
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
    pub(crate) device: String,
    pub(crate) operators: Vec<(String, Place)>,
    pub(crate) kernel_ms: f64,
    pub(crate) compile_ms: f64,
    pub(crate) bytes: u64,
    pub(crate) floor_ms: f64,
    pub(crate) pipelines: usize,
    pub(crate) compiled_pipelines: usize,
}

/// Why a statement failed, with its place in the statement's text where that is known.
#[derive(Clone, Debug)]
pub(crate) struct SqlError {
    pub(crate) message: String,
    /// Line and column, from 1, in the statement's text, columns in characters.
    pub(crate) position: Option<(usize, usize)>,
    pub(crate) hint: Option<String>,
}

impl Engine {
    pub(crate) fn open(device: DeviceArg) -> Result<Self, Failure> {
        let session = Session::builder().device(kind(device)).build();
        Ok(Self { session: session.map_err(Failure::other)? })
    }

    /// The DataFusion context underneath, for its catalog.
    pub(crate) fn context(&self) -> &SessionContext {
        self.session.context()
    }

    /// The device asked for, as `SET maar.device` has it.
    pub(crate) fn device(&self) -> String {
        let state = self.context().state();
        state
            .config_options()
            .extensions
            .get::<MaarOptions>()
            .map(|options| options.device.to_string())
            .unwrap_or_default()
    }

    /// Plans and starts one statement.
    pub(crate) async fn start(&self, sql: &str, params: &Parameters) -> Result<Running, SqlError> {
        let query = self.session.prepare(sql).await?.with_parameters(params)?;
        Ok(Running { result: query.execute().await? })
    }
}

impl Running {
    pub(crate) fn schema(&self) -> SchemaRef {
        self.result.schema()
    }

    /// The plan that runs; none for DDL.
    pub(crate) fn plan(&self) -> Option<Arc<dyn ExecutionPlan>> {
        self.result.physical_plan().cloned()
    }

    /// The next rows; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, SqlError> {
        Ok(self.result.next_batch().await.transpose()?)
    }

    /// Complete once the last row is read.
    pub(crate) fn report(&self) -> RunReport {
        RunReport::from(self.result.report())
    }
}

impl From<QueryReport> for RunReport {
    fn from(report: QueryReport) -> Self {
        let place = |place| match place {
            Placement::Device => Place::Device,
            Placement::Metadata => Place::Metadata,
            Placement::Host { reason } => Place::Host { reason },
        };
        let pipelines = &report.pipelines;
        // Not `sum`: of nothing it is -0.
        let total = |ms: fn(&PipelineReport) -> f64| pipelines.iter().map(ms).fold(0.0, |sum, ms| sum + ms);
        Self {
            kernel_ms: total(|pipeline| pipeline.kernel_ms),
            compile_ms: total(|pipeline| pipeline.compile_ms),
            bytes: pipelines.iter().map(|pipeline| pipeline.bytes).sum(),
            floor_ms: 0.0,
            pipelines: pipelines.len(),
            compiled_pipelines: pipelines.iter().filter(|pipeline| pipeline.compile_ms > 0.0).count(),
            device: report.device,
            operators: report
                .operators
                .into_iter()
                .map(|operator| (operator.operator, place(operator.place)))
                .collect(),
        }
    }
}

impl From<Error> for SqlError {
    fn from(error: Error) -> Self {
        Self {
            message: error.message().to_owned(),
            position: error.position().map(|position| (position.line, position.column)),
            hint: error.hint().map(str::to_owned),
        }
    }
}

/// The devices found, and what is missing where there is none, as text.
pub(crate) fn devices() -> String {
    let line = |kind: DeviceKind| match DeviceRuntime::open(kind, &RuntimeOptions::default()) {
        Ok(_) => format!("{kind}: usable\n"),
        Err(error) => format!("{kind}: {}\n", Error::from(error).message()),
    };
    [DeviceKind::Cuda, DeviceKind::Emulated].into_iter().map(line).chain(["cpu: usable\n".to_owned()]).collect()
}

fn kind(device: DeviceArg) -> DeviceKind {
    match device {
        DeviceArg::Auto => DeviceKind::Auto,
        DeviceArg::Cuda => DeviceKind::Cuda,
        DeviceArg::Emulated => DeviceKind::Emulated,
        DeviceArg::Cpu => DeviceKind::Cpu,
    }
}
