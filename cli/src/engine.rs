//! The seam to `maar-engine`: all that the shell and the benchmark ask of it, in one place.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use maar_engine::{Error, Parameters, Placement, QueryReport, QueryResult, Session};
use serde::Serialize;

use crate::args::DeviceArg;
use crate::error::Failure;

/// The option that says where queries run.
const DEVICE: &str = "maar.device";

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
    /// Nothing was computed anywhere: answered from metadata, or rows were only passed on.
    Nowhere,
    Host {
        reason: String,
    },
}

/// What a finished statement did and where.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunReport {
    /// The device's name; `cpu` where nothing ran on one.
    pub(crate) device: String,
    pub(crate) operators: Vec<(String, Place)>,
    pub(crate) kernel_ms: f64,
    pub(crate) compile_ms: f64,
    pub(crate) bytes: u64,
    pub(crate) floor_ms: f64,
    pub(crate) pipelines: usize,
    pub(crate) compiled_pipelines: usize,
    /// Entry point and generated text of each pipeline.
    pub(crate) texts: Vec<(String, String)>,
    /// What each pipeline took, in the order of the texts.
    pub(crate) kernels: Vec<KernelRun>,
}

/// What one pipeline took.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct KernelRun {
    name: String,
    /// Rows of its source, and bytes of them that it reads at least.
    rows: u64,
    bytes: u64,
    /// Time on the device.
    ms: f64,
    launches: u64,
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
        let session = Session::builder().option(DEVICE, device.name()).build();
        Ok(Self { session: session.map_err(Failure::other)? })
    }

    /// The session itself, to be served.
    pub(crate) fn session(&self) -> Session {
        self.session.clone()
    }

    /// The DataFusion context underneath, for its catalog.
    pub(crate) fn context(&self) -> &SessionContext {
        self.session.context()
    }

    /// The device asked for, as `SET maar.device` has it.
    pub(crate) fn device(&self) -> String {
        let entries = self.context().state().config_options().entries();
        entries.into_iter().find(|entry| entry.key == DEVICE).and_then(|entry| entry.value).unwrap_or_default()
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
            Placement::Metadata => Place::Nowhere,
            Placement::Movement => Place::Nowhere,
            Placement::Host { reason } => Place::Host { reason },
        };
        Self {
            kernel_ms: report.kernel_ms(),
            compile_ms: report.compile_ms,
            bytes: report.bytes(),
            floor_ms: report.floor_ms(),
            pipelines: report.pipelines.len(),
            compiled_pipelines: report.pipelines.iter().filter(|pipeline| pipeline.compile_ms > 0.0).count(),
            kernels: report
                .pipelines
                .iter()
                .map(|pipeline| KernelRun {
                    name: pipeline.name.clone(),
                    rows: pipeline.rows_in,
                    bytes: pipeline.bytes,
                    ms: pipeline.kernel_ms,
                    launches: pipeline.launches,
                })
                .collect(),
            texts: report.pipelines.into_iter().map(|pipeline| (pipeline.name, pipeline.text)).collect(),
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
    maar_engine::device::discover().to_string()
}
