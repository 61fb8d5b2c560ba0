//! One execution of a device node: open, load, plan, compile, run, stream; and the way back to the host.
//!
//! Planning, compiling and running block a thread of their own, which stops at the next wave once nobody reads the stream
//! any more. Kernels that were compiled while tables loaded are used only where the loaded facts ask for the same source:
//! what runs was planned over facts of the values, whatever the footers claimed. Not here: tables (`tables.rs`), the
//! host's inputs (`inputs.rs`).

use std::sync::Arc;
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use datafusion::error::Result as HostResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures::StreamExt;
use parking_lot::Mutex;
use tokio::sync::mpsc::Sender;

use super::DeviceRuntime;
use super::inputs::Inputs;
use super::tables::{Ahead, Tables};
use super::way_back::{Ran, WayBack};
use crate::device::{CodeOrigin, DeviceError};
use crate::error::{Error, Result};
use crate::ir::FirstRows;
use crate::operators::{KnownKernels, Run, StageKernel, StageReport, compile_stages};
use crate::options::MaarOptions;
use crate::planner::Lowered;
use crate::report::{DeviceReport, PipelineReport};
use crate::scan::{ParquetScan, Windows};
use crate::strategy::{QueryPlan, Shapes, plan};

/// Batches that may wait for their reader.
const BATCHES_QUEUED: usize = 2;

/// Everything one execution needs.
pub(super) struct Task {
    pub(super) runtime: Arc<DeviceRuntime>,
    pub(super) lowered: Arc<Lowered>,
    pub(super) scans: Vec<Arc<ParquetScan>>,
    pub(super) context: Arc<TaskContext>,
    pub(super) way_back: Option<WayBack>,
    pub(super) first: Option<FirstRows>,
    pub(super) kernels: Arc<KnownKernels>,
    pub(super) ran: Arc<Mutex<Ran>>,
}

impl Task {
    /// Starts the work; it stops when the stream is dropped.
    pub(super) fn start(
        self,
        streams: Vec<SendableRecordBatchStream>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> SendableRecordBatchStream {
        let baseline = BaselineMetrics::new(metrics, 0);
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.lowered.schema), BATCHES_QUEUED);
        let sender = builder.tx();
        let task = Arc::new(self);
        *task.ran.lock() = Ran::NotYet;
        builder.spawn(async move {
            let Err(error) = task.on_device(streams, &sender, &baseline).await else { return Ok(()) };
            task.go_back(error, &sender, &baseline).await
        });
        builder.build()
    }

    /// Runs over whole tables where the device has room for them, else in waves.
    async fn on_device(
        self: &Arc<Self>,
        streams: Vec<SendableRecordBatchStream>,
        sender: &Sender<HostResult<RecordBatch>>,
        baseline: &BaselineMetrics,
    ) -> Result<()> {
        let start = Instant::now();
        let (loaded, mut inputs, compiling) = match self.kept()? {
            Some(kept) => (Some(kept), self.gather(streams).await?, None),
            None => {
                let mut load = self.open().await?;
                if self.is_oversized(load.device_bytes()) {
                    let (scans, inputs) = futures::try_join!(self.survey(load), self.gather(streams))?;
                    return self.run_in_waves(scans, inputs, start, sender, baseline).await;
                }
                let compiling = self.compile_ahead(&load);
                let (loaded, inputs) = futures::try_join!(self.load(load), self.gather(streams))?;
                (loaded, inputs, compiling)
            }
        };
        if let Some(loaded) = loaded {
            let whole = async {
                let tables = self.over_loaded(loaded, &mut inputs, start).await?;
                self.run_over(tables, Ahead::wait(compiling).await, sender, baseline).await
            };
            match whole.await {
                Err(Error::Device(DeviceError::OutOfMemory { .. }))
                    if inputs.stay() && baseline.output_rows().value() == 0 => {}
                done => return done,
            }
        }
        let scans = self.survey(self.open().await?).await?;
        self.run_in_waves(scans, inputs, start, sender, baseline).await
    }

    async fn run_in_waves(
        self: &Arc<Self>,
        scans: Vec<Windows>,
        mut inputs: Inputs,
        start: Instant,
        sender: &Sender<HostResult<RecordBatch>>,
        baseline: &BaselineMetrics,
    ) -> Result<()> {
        let tables = self.in_waves(scans, &mut inputs, start).await?;
        self.run_over(tables, Ahead::default(), sender, baseline).await
    }

    async fn run_over(
        self: &Arc<Self>,
        tables: Tables,
        ahead: Ahead,
        sender: &Sender<HostResult<RecordBatch>>,
        baseline: &BaselineMetrics,
    ) -> Result<()> {
        let (task, sender, baseline) = (Arc::clone(self), sender.clone(), baseline.clone());
        let blocking = tokio::task::spawn_blocking(move || {
            let timer = baseline.elapsed_compute().timer();
            let done = task.run(tables, ahead, &sender, &baseline);
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

    /// The device plan over tables of these shapes.
    pub(super) fn plan(&self, shapes: &Shapes) -> Result<QueryPlan> {
        let planned = plan(&self.lowered.root, shapes, self.runtime.limits())?;
        Ok(QueryPlan { first: self.first.clone(), ..planned })
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
        let planned = self.plan(&tables.shapes())?;
        tables.inputs.iter().enumerate().try_for_each(|(input, feed)| feed.serves(&planned, input))?;
        let strategy_ms = milliseconds(start);
        let compiled_ahead = ahead.kernels.len();
        let kernels = match self.kernels.of(&planned) {
            Some(known) => known,
            None => {
                let kernels = compile_stages(handle, &planned, &mut ahead.kernels)?;
                self.kernels.keep(&planned, &kernels);
                kernels
            }
        };
        let compile_ms = milliseconds(start) - strategy_ms + ahead.waited_ms;
        let Tables { scans, inputs, loads, gathered, load_ms } = tables;
        let mut run = Run::new(handle, &planned, &kernels, scans, inputs)?;
        run.start(|| !sender.is_closed())?;
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
        let pipelines = pipeline_reports(&kernels, &stages, bandwidth);
        *self.ran.lock() = Ran::OnDevice(DeviceReport {
            device: handle.info().name.clone(),
            pipelines,
            loads: loads.iter().map(|stats| *stats.lock()).collect(),
            inputs: gathered.iter().map(|stats| *stats.lock()).collect(),
            load_ms,
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

fn pipeline_reports(kernels: &[StageKernel], stages: &[StageReport], bandwidth: f64) -> Vec<PipelineReport> {
    kernels
        .iter()
        .zip(stages)
        .map(|(kernel, report)| PipelineReport {
            name: kernel.compiled.entry.clone(),
            source: kernel.kernel.source.clone(),
            rows_in: report.rows_in,
            bytes: report.bytes,
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

pub(super) fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
