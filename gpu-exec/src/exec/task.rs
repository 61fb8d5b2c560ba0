//! One execution of a device node: load, plan, compile, run, stream.
//!
//! Loading is asynchronous; planning, compiling and running block a thread of their own, which stops at the next wave
//! once nobody reads the stream any more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result as HostResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures::TryStreamExt;
use parking_lot::Mutex;
use tokio::sync::mpsc::Sender;

use super::DeviceRuntime;
use crate::column::{DeviceTable, Stored};
use crate::device::CodeOrigin;
use crate::error::{Error, Result};
use crate::operators::{Run, StageKernel, StageReport, compile_stages};
use crate::planner::{Lowered, RawTexts};
use crate::report::{DeviceReport, PipelineReport};
use crate::scan::{LoadStats, ParquetScan, load, upload_batches};
use crate::strategy::{QueryPlan, Shapes, Stage, StageSource, plan};

/// Batches that may wait for their reader.
const BATCHES_QUEUED: usize = 2;

/// Everything one execution needs.
pub(super) struct Task {
    pub(super) runtime: Arc<DeviceRuntime>,
    pub(super) lowered: Arc<Lowered>,
    pub(super) scans: Vec<Arc<ParquetScan>>,
    pub(super) context: Arc<TaskContext>,
    pub(super) report: Arc<Mutex<Option<DeviceReport>>>,
}

/// Tables on the device, and what it took to get them there.
struct Tables {
    scans: Vec<DeviceTable>,
    inputs: Vec<DeviceTable>,
    loads: Vec<LoadStats>,
    load_ms: f64,
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
        builder.spawn(async move {
            let tables = self.load(inputs).await?;
            let blocking = tokio::task::spawn_blocking(move || {
                let timer = baseline.elapsed_compute().timer();
                let done = self.run(tables, &sender, &baseline);
                timer.done();
                done
            });
            match blocking.await {
                Ok(done) => Ok(done?),
                Err(join) => Err(Error::internal(format!("a device task ended early: {join}")).into()),
            }
        });
        builder.build()
    }

    async fn load(&self, inputs: Vec<SendableRecordBatchStream>) -> HostResult<Tables> {
        let start = Instant::now();
        let mut scans = Vec::with_capacity(self.scans.len());
        let mut loads = Vec::with_capacity(self.scans.len());
        for scan in &self.scans {
            let objects = self.context.runtime_env().object_store(&scan.store_url)?;
            let loaded = load(self.runtime.handle(), self.runtime.store(), objects, scan).await;
            let loaded = loaded.map_err(|error| Error::from(error.within(&scan.store_url)))?;
            scans.push(loaded.table);
            loads.push(loaded.stats);
        }
        let mut tables = Vec::with_capacity(inputs.len());
        let raw = RawTexts::of(&self.lowered.root);
        for (number, input) in inputs.into_iter().enumerate() {
            let schema = input.schema();
            let batches: Vec<RecordBatch> = input.try_collect().await?;
            tables.push(self.upload(schema, batches, raw.of_input(number)).await?);
        }
        Ok(Tables { scans, inputs: tables, loads, load_ms: milliseconds(start) })
    }

    async fn upload(
        &self,
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
        raw: BTreeSet<usize>,
    ) -> HostResult<DeviceTable> {
        let handle = Arc::clone(self.runtime.handle());
        let uploaded = tokio::task::spawn_blocking(move || -> Result<DeviceTable> {
            let stream = handle.stream()?;
            let table = upload_batches(&handle, &stream, &schema, &batches, &raw)?;
            stream.synchronize()?;
            Ok(table)
        });
        match uploaded.await {
            Ok(table) => Ok(table?),
            Err(join) => Err(DataFusionError::ExecutionJoin(Box::new(join))),
        }
    }

    fn run(&self, tables: Tables, sender: &Sender<HostResult<RecordBatch>>, baseline: &BaselineMetrics) -> Result<()> {
        let start = Instant::now();
        let handle = self.runtime.handle();
        let planned = plan(&self.lowered.root, &tables.shapes(), self.runtime.limits())?;
        let strategy_ms = milliseconds(start);
        let kernels = compile_stages(handle, &planned)?;
        let compile_ms = milliseconds(start) - strategy_ms;
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
        *self.report.lock() = Some(DeviceReport {
            device: handle.info().name.clone(),
            pipelines,
            loads: tables.loads,
            load_ms: tables.load_ms,
            strategy_ms,
            compile_ms,
            run_ms: milliseconds(start),
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
