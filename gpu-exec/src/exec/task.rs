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
use crate::operators::{Before, Feed, KnownKernels, Reader, Run, StageKernel, StageReport, compile_stages};
use crate::options::MaarOptions;
use crate::planner::Lowered;
use crate::report::{DeviceReport, PipelineReport};
use crate::scan::{ParquetScan, Windows};
use crate::strategy::{Limits, QueryPlan, Shapes, plan};

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
    fn plan(&self, shapes: &Shapes, parts: bool) -> Result<QueryPlan> {
        let planned = plan(&self.lowered.root, shapes, Limits { parts, ..self.runtime.limits() })?;
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
        let shapes = tables.shapes();
        let Tables { scans, inputs, loads, gathered, load_ms } = tables;
        let compiled_ahead = ahead.kernels.len();
        let batch_rows = self.context.session_config().batch_size().max(1);
        let mut rows = Rows { sender, baseline, batch_rows, rows_out: 0 };
        let done = self.run_over_feeds((scans, inputs), &shapes, &mut ahead, &mut rows)?;
        if !rows.wants() {
            return Ok(());
        }
        let info = self.runtime.handle().info();
        *self.ran.lock() = Ran::OnDevice(DeviceReport {
            device: info.name.clone(),
            pipelines: pipeline_reports(&done.kernels, &done.stages, info.bandwidth),
            loads: loads.iter().map(|stats| *stats.lock()).collect(),
            inputs: gathered.iter().map(|stats| *stats.lock()).collect(),
            load_ms,
            strategy_ms: done.strategy_ms,
            compile_ms: done.compile_ms + ahead.waited_ms,
            kernels_ahead: (compiled_ahead - ahead.kernels.len()) as u64,
            kernels_missed: ahead.kernels.len() as u64,
            run_ms: milliseconds(start) + ahead.waited_ms,
            waits: done.waits,
            translations: done.translations,
            rows_out: rows.rows_out,
        });
        Ok(())
    }

    /// Runs over these tables; with its tables of keys in parts where they have no room as a whole.
    fn run_over_feeds(
        &self,
        mut feeds: (Vec<Feed>, Vec<Feed>),
        shapes: &Shapes,
        ahead: &mut Ahead,
        rows: &mut Rows<'_>,
    ) -> Result<Done> {
        let mut in_parts = self.kernels.were_in_parts();
        let mut done = Done::default();
        loop {
            let start = Instant::now();
            let planned = self.plan(shapes, in_parts)?;
            feeds.1.iter().enumerate().try_for_each(|(input, feed)| feed.serves(&planned, input))?;
            let strategy_ms = milliseconds(start);
            done.kernels = self.kernels(&planned, ahead)?;
            done.compile_ms += milliseconds(start) - strategy_ms;
            done.strategy_ms += strategy_ms;
            done.translations += planned.translations_made();
            let may_part = !in_parts && self.leave_room(feeds.0.iter().chain(&feeds.1));
            let (handle, learned) = (self.runtime.handle(), self.kernels.learned());
            let before = Before { learned: &learned, translations: self.runtime.store().translations() };
            let mut run = Run::new(handle, &planned, &done.kernels, feeds, &self.lowered.schema, before)?;
            match run.run(rows) {
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if may_part && rows.rows_out == 0 => {
                    (feeds, in_parts) = (run.feeds()?, true);
                }
                ended => {
                    ended?;
                    done.stages = run.reports()?.to_vec();
                    done.waits = run.waits();
                    self.kernels.learn(run.learned());
                    drop(run);
                    return Ok(done);
                }
            }
        }
    }

    fn kernels(&self, planned: &QueryPlan, ahead: &mut Ahead) -> Result<Vec<StageKernel>> {
        if let Some(known) = self.kernels.of(planned) {
            return Ok(known);
        }
        let kernels = compile_stages(self.runtime.handle(), planned, &mut ahead.kernels)?;
        self.kernels.keep(planned, &kernels);
        Ok(kernels)
    }
}

/// What a run was, for the report.
#[derive(Default)]
struct Done {
    kernels: Vec<StageKernel>,
    stages: Vec<StageReport>,
    strategy_ms: f64,
    compile_ms: f64,
    waits: u64,
    translations: u64,
}

/// The stream that takes the rows of a run.
struct Rows<'a> {
    sender: &'a Sender<HostResult<RecordBatch>>,
    baseline: &'a BaselineMetrics,
    batch_rows: usize,
    rows_out: u64,
}

impl Reader for Rows<'_> {
    fn wants(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Whole, not by slice: each slice would count the memory of all.
    fn take(&mut self, batch: RecordBatch) -> bool {
        self.rows_out += batch.num_rows() as u64;
        send(self.sender, batch.record_output(self.baseline), self.batch_rows)
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
            passes: report.passes,
            parts: report.parts,
        })
        .collect()
}

pub(super) fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
