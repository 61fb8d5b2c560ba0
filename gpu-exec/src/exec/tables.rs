//! The tables of one execution: loaded whole where the device has room for them, else fed in waves.
//!
//! Loading whole is asynchronous, all tables at once, and kernels are compiled beside it where footers say what the tables
//! will be. A table in waves is read once before the first of them, for what a plan has to know of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;
use parking_lot::Mutex;

use super::task::{Task, milliseconds};
use super::waves::ScanWaves;
use crate::column::DeviceTable;
use crate::error::{Error, Result};
use crate::operators::{Feed, StageKernel, compile_stages};
use crate::planner::RawTexts;
use crate::scan::{Load, LoadStats, Source, upload_batches};
use crate::strategy::{Shapes, plan};

/// Tables that will take more than so many eighths of the device come in waves. What is near it is tried whole: hot columns
/// are worth it, and a refusal leads to waves too, unless inputs of the host are lost with it.
const WHOLE_EIGHTHS: u64 = 7;
const WHOLE_EIGHTHS_WITH_INPUTS: u64 = 5;
/// A wave takes this share of the device. There are two at a time, the one that is read and the next.
const WAVE_SHARE: u64 = 8;

/// Tables to read, and what it took to get them there.
pub(super) struct Tables {
    pub(super) scans: Vec<Feed>,
    pub(super) inputs: Vec<Feed>,
    /// One a scan; of waves, of those so far.
    pub(super) loads: Vec<Arc<Mutex<LoadStats>>>,
    pub(super) load_ms: f64,
}

/// Kernels compiled while tables were loading, and how long loading was over when they were done.
#[derive(Default)]
pub(super) struct Ahead {
    pub(super) kernels: Vec<StageKernel>,
    pub(super) waited_ms: f64,
}

impl Tables {
    pub(super) fn shapes(&self) -> Shapes {
        let of = |feeds: &[Feed]| feeds.iter().map(|feed| feed.shape().clone()).collect();
        Shapes { scans: of(&self.scans), inputs: of(&self.inputs) }
    }

    pub(super) fn stats(loads: &[Arc<Mutex<LoadStats>>]) -> Vec<LoadStats> {
        loads.iter().map(|stats| *stats.lock()).collect()
    }
}

impl Task {
    /// The files of all scans, as they are now.
    pub(super) async fn open(&self) -> Result<Load> {
        let mut sources = Vec::with_capacity(self.scans.len());
        for scan in &self.scans {
            let objects = self.context.runtime_env().object_store(&scan.store_url)?;
            sources.push(Source::new(Arc::clone(scan), objects));
        }
        Ok(Load::open(self.runtime.handle(), self.runtime.store(), sources).await?)
    }

    /// Whether the scans leave no room for what is made of them.
    pub(super) fn is_oversized(&self, load: &mut Load) -> bool {
        let eighths = if self.lowered.inputs.is_empty() { WHOLE_EIGHTHS } else { WHOLE_EIGHTHS_WITH_INPUTS };
        load.device_bytes() > self.runtime.handle().memory().budget_bytes / 8 * eighths
    }

    pub(super) async fn whole(&self, load: Load, inputs: Vec<SendableRecordBatchStream>) -> Result<(Tables, Ahead)> {
        let start = Instant::now();
        let ahead = self.compile_ahead(&load);
        // In a task of its own: the host's operators may compute for long between two answers.
        let scans = SpawnedTask::spawn(load.finish());
        let scans = async {
            match scans.await {
                Ok(loaded) => loaded.map_err(Error::from),
                Err(join) => Err(joined(join)),
            }
        };
        let (scans, inputs) = futures::try_join!(scans, self.collect(inputs))?;
        let loads = scans.iter().map(|loaded| Arc::new(Mutex::new(loaded.stats))).collect();
        let scans = scans.into_iter().map(|loaded| Feed::Resident(loaded.table)).collect();
        let tables = Tables { scans, inputs, loads, load_ms: milliseconds(start) };
        let Some(ahead) = ahead else { return Ok((tables, Ahead::default())) };
        let start = Instant::now();
        // What is wrong with an expected plan is no matter: the one over the loaded tables says what is wrong with it.
        let kernels = ahead.await.ok().and_then(Result::ok).unwrap_or_default();
        Ok((tables, Ahead { kernels, waited_ms: milliseconds(start) }))
    }

    pub(super) async fn in_waves(&self, load: Load, inputs: Vec<SendableRecordBatchStream>) -> Result<Tables> {
        let start = Instant::now();
        let bytes = self.runtime.handle().memory().budget_bytes / WAVE_SHARE;
        let inputs = self.collect(inputs).await?;
        let (mut scans, mut loads) = (vec![], vec![]);
        let mut all = load.in_windows();
        // A text that goes to a join's build, or out after one, is read when its wave is gone.
        if all.len() + inputs.len() > 1 {
            all.iter_mut().for_each(|windows| windows.without_raw_text());
        }
        for mut windows in all {
            let shape = windows.survey().await?;
            let stats = Arc::new(Mutex::new(windows.stats()));
            scans.push(Feed::Waves(shape, Box::new(ScanWaves::new(windows, bytes, Arc::clone(&stats)))));
            loads.push(stats);
        }
        Ok(Tables { scans, inputs, loads, load_ms: milliseconds(start) })
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
    async fn collect(&self, inputs: Vec<SendableRecordBatchStream>) -> Result<Vec<Feed>> {
        let mut tables = Vec::with_capacity(inputs.len());
        let raw = RawTexts::of(&self.lowered.root);
        for (number, input) in inputs.into_iter().enumerate() {
            let schema = input.schema();
            let batches: Vec<RecordBatch> = input.try_collect().await?;
            tables.push(Feed::Resident(self.upload(schema, batches, raw.of_input(number)).await?));
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
        uploaded.await.map_err(joined)?
    }
}

fn joined(error: tokio::task::JoinError) -> Error {
    Error::Host(DataFusionError::ExecutionJoin(Box::new(error)))
}
