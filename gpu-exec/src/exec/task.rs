//! One execution of a device node: load, plan, compile, run, stream.
//!
//! Loading is asynchronous, all tables at once; planning, compiling and running block a thread of their own, which stops
//! at the next wave once nobody reads the stream any more. Where footers say what the tables will be, kernels are
//! compiled while they load. They are used only where the loaded facts ask for the same source: what runs was planned
//! over facts of the values, whatever the footers claimed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::{DataFusionError, Result as HostResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use tokio::sync::mpsc::Sender;

use super::DeviceRuntime;
use super::way_back::{Ran, WayBack};
use crate::column::{DeviceTable, Stored};
use crate::device::CodeOrigin;
use crate::error::{Error, Result};
use crate::operators::{Run, StageKernel, StageReport, compile_stages};
use crate::options::MaarOptions;
use crate::planner::{Lowered, RawTexts};
use crate::report::{DeviceReport, PipelineReport};
use crate::scan::{Load, LoadStats, ParquetScan, Source, upload_batches};
use crate::strategy::{QueryPlan, Shapes, Stage, StageSource, plan};

/// Batches that may wait for their reader.
const BATCHES_QUEUED: usize = 2;

/// Everything one execution needs.
pub(super) struct Task {
    pub(super) runtime: Arc<DeviceRuntime>,
    pub(super) lowered: Arc<Lowered>,
    pub(super) scans: Vec<Arc<ParquetScan>>,
    pub(super) context: Arc<TaskContext>,
    pub(super) way_back: Option<WayBack>,
    pub(super) ran: Arc<Mutex<Ran>>,
}

/// Tables on the device, and what it took to get them there.
struct Tables {
    scans: Vec<DeviceTable>,
    inputs: Vec<DeviceTable>,
    loads: Vec<LoadStats>,
    load_ms: f64,
}

/// Kernels compiled while tables were loading, and how long loading was over when they were done.
#[derive(Default)]
struct Ahead {
    kernels: Vec<StageKernel>,
    waited_ms: f64,
}

impl Tables {
    fn shapes(&self) -> Shapes {
        let of = |tables: &[DeviceTable]| tables.iter().map(|table| table.shape.clone()).collect();
        Shapes { scans: of(&self.scans), inputs: of(&self.inputs) }
    }
}

impl Task {
    /// Starts the work; it stops when the stream is dropped.
    pub(super) fn start(
        self,
        inputs: Vec<SendableRecordBatchStream>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> SendableRecordBatchStream {
        let baseline = BaselineMetrics::new(metrics, 0);
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.lowered.schema), BATCHES_QUEUED);
        let sender = builder.tx();
        let task = Arc::new(self);
        *task.ran.lock() = Ran::NotYet;
        builder.spawn(async move {
            let Err(error) = Arc::clone(&task).on_device(inputs, &sender, &baseline).await else { return Ok(()) };
            task.go_back(error, &sender, &baseline).await
        });
        builder.build()
    }

    async fn on_device(
        self: Arc<Self>,
        inputs: Vec<SendableRecordBatchStream>,
        sender: &Sender<HostResult<RecordBatch>>,
        baseline: &BaselineMetrics,
    ) -> Result<()> {
        let (tables, ahead) = self.load(inputs).await?;
        let (sender, baseline) = (sender.clone(), baseline.clone());
        let blocking = tokio::task::spawn_blocking(move || {
            let timer = baseline.elapsed_compute().timer();
            let done = self.run(tables, ahead, &sender, &baseline);
            timer.done();
            done
        });
        blocking.await.map_err(|join| Error::internal(format!("a device task ended early: {join}")))?
    }

    /// What the device refused runs on the host, unless rows of it have left or the host is not wanted.
    async fn go_back(
        &self,
        error: Error,
        sender: &Sender<HostResult<RecordBatch>>,
        baseline: &BaselineMetrics,
    ) -> HostResult<()> {
        let rows_left = baseline.output_rows().value() > 0;
        let config = self.context.session_config().options();
        let required = config.extensions.get::<MaarOptions>().is_some_and(|options| options.require_device);
        let Some(way_back) = self.way_back.as_ref().filter(|_| error.is_refusal() && !rows_left && !required) else {
            return Err(error.into());
        };
        let plan = way_back.plan(config)?;
        let mut stream = execute_stream(Arc::clone(&plan), Arc::clone(&self.context))?;
        *self.ran.lock() = Ran::OnHost { reason: error.to_string(), plan };
        while let Some(batch) = stream.next().await {
            if sender.send(Ok(batch?.record_output(baseline))).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn load(&self, inputs: Vec<SendableRecordBatchStream>) -> Result<(Tables, Ahead)> {
        let start = Instant::now();
        let mut sources = Vec::with_capacity(self.scans.len());
        for scan in &self.scans {
            let objects = self.context.runtime_env().object_store(&scan.store_url)?;
            sources.push(Source::new(Arc::clone(scan), objects));
        }
        let load = Load::open(self.runtime.handle(), self.runtime.store(), sources).await.map_err(Error::from)?;
        let ahead = self.compile_ahead(&load);
        // In a task of its own: the host's operators may compute for long between two answers.
        let scans = SpawnedTask::spawn(load.finish());
        let scans = async {
            match scans.await {
                Ok(loaded) => loaded.map_err(Error::from),
                Err(join) => Err(Error::Host(DataFusionError::ExecutionJoin(Box::new(join)))),
            }
        };
        let (scans, inputs) = futures::try_join!(scans, self.collect(inputs))?;
        let (scans, loads) = scans.into_iter().map(|loaded| (loaded.table, loaded.stats)).unzip();
        let tables = Tables { scans, inputs, loads, load_ms: milliseconds(start) };
        let Some(ahead) = ahead else { return Ok((tables, Ahead::default())) };
        let start = Instant::now();
        // What is wrong with an expected plan is no matter: the one over the loaded tables says what is wrong with it.
        let kernels = ahead.await.ok().and_then(Result::ok).unwrap_or_default();
        Ok((tables, Ahead { kernels, waited_ms: milliseconds(start) }))
    }

    /// Compiles what the scans will need if footers are right. Nothing where they do not say enough, and where nothing is
    /// read that compiling could run beside.
    fn compile_ahead(&self, load: &Load) -> Option<SpawnedTask<Result<Vec<StageKernel>>>> {
        if load.is_resident() || !self.lowered.inputs.is_empty() {
            return None;
        }
        let shapes = Shapes { scans: load.expected()?, inputs: vec![] };
        let (runtime, lowered) = (Arc::clone(&self.runtime), Arc::clone(&self.lowered));
        Some(SpawnedTask::spawn_blocking(move || {
            let planned = plan(&lowered.root, &shapes, runtime.limits())?;
            compile_stages(runtime.handle(), &planned, &mut vec![])
        }))
    }

    /// The rows of the host's inputs, one input after the other.
    async fn collect(&self, inputs: Vec<SendableRecordBatchStream>) -> Result<Vec<DeviceTable>> {
        let mut tables = Vec::with_capacity(inputs.len());
        let raw = RawTexts::of(&self.lowered.root);
        for (number, input) in inputs.into_iter().enumerate() {
            let schema = input.schema();
            let batches: Vec<RecordBatch> = input.try_collect().await?;
            tables.push(self.upload(schema, batches, raw.of_input(number)).await?);
        }
        Ok(tables)
    }

    async fn upload(&self, schema: SchemaRef, batches: Vec<RecordBatch>, raw: BTreeSet<usize>) -> Result<DeviceTable> {
        let handle = Arc::clone(self.runtime.handle());
        let uploaded = tokio::task::spawn_blocking(move || -> Result<DeviceTable> {
            let stream = handle.stream()?;
            let table = upload_batches(&handle, &stream, &schema, &batches, &raw)?;
            stream.synchronize()?;
            Ok(table)
        });
        match uploaded.await {
            Ok(table) => table,
            Err(join) => Err(Error::Host(DataFusionError::ExecutionJoin(Box::new(join)))),
        }
    }

    fn run(
        &self,
        tables: Tables,
        mut ahead: Ahead,
        sender: &Sender<HostResult<RecordBatch>>,
        baseline: &BaselineMetrics,
    ) -> Result<()> {
        let start = Instant::now();
        let handle = self.runtime.handle();
        let planned = plan(&self.lowered.root, &tables.shapes(), self.runtime.limits())?;
        let strategy_ms = milliseconds(start);
        let compiled_ahead = ahead.kernels.len();
        let kernels = compile_stages(handle, &planned, &mut ahead.kernels)?;
        let compile_ms = milliseconds(start) - strategy_ms + ahead.waited_ms;
        let mut run = Run::new(handle, &planned, &kernels, &tables.scans, &tables.inputs)?;
        run.start()?;
        let batch_rows = self.context.session_config().batch_size().max(1);
        let mut rows_out = 0;
        while let Some(batch) = run.next(&self.lowered.schema)? {
            rows_out += batch.num_rows() as u64;
            // Whole, not by slice: each slice would count the memory of all.
            if !send(sender, batch.record_output(baseline), batch_rows) {
                return Ok(());
            }
        }
        let stages = run.reports()?.to_vec();
        let bandwidth = handle.info().bandwidth;
        let pipelines = pipeline_reports(&planned, &kernels, &stages, &tables, bandwidth);
        *self.ran.lock() = Ran::OnDevice(DeviceReport {
            device: handle.info().name.clone(),
            pipelines,
            loads: tables.loads,
            load_ms: tables.load_ms,
            strategy_ms,
            compile_ms,
            kernels_ahead: (compiled_ahead - ahead.kernels.len()) as u64,
            kernels_missed: ahead.kernels.len() as u64,
            run_ms: milliseconds(start) + ahead.waited_ms,
            rows_out,
        });
        Ok(())
    }
}

/// Hands a batch over in slices of the session's batch size; `false` once nobody reads.
fn send(sender: &Sender<HostResult<RecordBatch>>, batch: RecordBatch, batch_rows: usize) -> bool {
    let rows = batch.num_rows();
    (0..rows)
        .step_by(batch_rows)
        .all(|first| sender.blocking_send(Ok(batch.slice(first, batch_rows.min(rows - first)))).is_ok())
}

fn pipeline_reports(
    planned: &QueryPlan,
    kernels: &[StageKernel],
    stages: &[StageReport],
    tables: &Tables,
    bandwidth: f64,
) -> Vec<PipelineReport> {
    planned
        .stages
        .iter()
        .zip(kernels)
        .zip(stages)
        .map(|((stage, kernel), report)| PipelineReport {
            name: kernel.compiled.entry.clone(),
            source: kernel.kernel.source.clone(),
            rows_in: report.rows_in,
            bytes: bytes_read(planned, stage, tables),
            bandwidth,
            kernel_ms: report.kernel_ms,
            compile_ms: if kernel.compiled.origin == CodeOrigin::Compiled {
                kernel.compiled.compile.as_secs_f64() * 1e3
            } else {
                0.0
            },
            origin: kernel.compiled.origin,
            launches: report.launches,
        })
        .collect()
}

/// Bytes of the source that a stage reads at least: its columns once, or its groups.
fn bytes_read(planned: &QueryPlan, stage: &Stage, tables: &Tables) -> u64 {
    let table = match stage.source {
        StageSource::Scan(scan) => &tables.scans[scan],
        StageSource::Input(input) => &tables.inputs[input],
        StageSource::Groups(groups) => {
            let group = &planned.groups[groups];
            let words: usize = group.table.accumulators.iter().map(|kind| kind.words()).sum();
            return group.slots * 8 * (words + group.words) as u64;
        }
    };
    let tested = stage.texts_read();
    let bytes = |column: &usize| match &table.shape.columns[*column].stored {
        Stored::RawText if tested.contains(column) => {
            table.segments.iter().map(|segment| segment.columns[*column].data.len() as u64).sum()
        }
        // What is only carried is not looked at.
        Stored::RawText => 0,
        stored => stored.bytes() as u64 * table.rows(),
    };
    stage.columns_read().iter().map(bytes).sum()
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
