//! One execution of a device node: open, load, plan, compile, run, stream; and the way back to the host.
//!
//! Planning, compiling and running block a thread of their own, beside the load, which stops at the next wave once nobody reads
//! the stream any more. Not here: tables (`tables.rs`), and how they are read as they come (`arriving.rs`), the host's inputs
//! (`inputs.rs`).

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
use tokio::sync::mpsc::error::TrySendError;

use super::DeviceRuntime;
use super::account::{Account, UntilDropped};
use super::guests::Guest;
use super::inputs::HostRows;
use super::row_space::HostSpace;
use super::tables::Tables;
use super::way_back::{Ran, WayBack};
use crate::device::DeviceError;
use crate::error::{Error, Result};
use crate::ir::FirstRows;
use crate::operators::{Before, Feed, KnownKernels, Reader, Run, RunEnd, StageKernel, StageReport, compile_stages};
use crate::options::MaarOptions;
use crate::planner::Lowered;
use crate::report::Ended;
use crate::scan::{Listed, ParquetScan};
use crate::strategy::{Cuts, Limits, QueryPlan, Shapes, plan};
use crate::trace::{Trace, Work};

/// Batches that may wait for their reader.
const BATCHES_QUEUED: usize = 2;

/// Where the rows of an execution go, and who counts them.
pub(super) type Out<'a> = (&'a Sender<HostResult<RecordBatch>>, &'a BaselineMetrics);

/// How tables are read.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// All of each stays on the device, and is read while the rest is on its way.
    Arriving,
    /// All of each is on the device before it is read.
    Whole,
    InWaves,
}

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
    pub(super) account: Arc<Account>,
    pub(super) trace: Arc<Trace>,
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
        *task.ran.lock() = Ran::OnDevice(Arc::clone(&task.account));
        task.runtime.handle().watch_memory(task.trace.device_peak());
        // Also where it is dropped before it was begun.
        let ended = UntilDropped(Arc::clone(&task.account));
        builder.spawn(async move {
            let _ended = ended;
            let out = (&sender, &baseline);
            let guest = Arc::new(task.runtime.guests().enter(task.query()));
            let Err(error) = task.on_device(HostRows::coming(streams), &guest, out).await else { return Ok(()) };
            let waited_ms = guest.waited_ms();
            drop(guest);
            task.go_back(error, waited_ms, out).await
        });
        builder.build()
    }

    /// What is the same for all nodes of a query.
    fn query(&self) -> usize {
        let listed = self.context.session_config().get_extension::<Listed>();
        listed.map_or(Arc::as_ptr(&self.context).addr(), |listed| Arc::as_ptr(&listed).addr())
    }

    /// Runs over whole tables where the device has room for them, else in waves. What is refused while other queries are there
    /// waits for theirs first, as long as nothing has left and everything can be read again.
    async fn on_device(self: &Arc<Self>, mut rows: HostRows, guest: &Arc<Guest>, out: Out<'_>) -> Result<()> {
        let mut way = Way::Arriving;
        loop {
            let refused = match self.attempt(&mut way, &mut rows, guest, out).await {
                Err(Error::Device(refused @ DeviceError::OutOfMemory { .. }))
                    if rows.stay() && out.1.output_rows().value() == 0 =>
                {
                    refused
                }
                done => return done,
            };
            let hoped = guest.may_wait();
            way = match way {
                _ if guest.room_after(&refused, || self.runtime.room()).await => Way::Arriving,
                // Nothing was held in parts, in the hope for room.
                same if hoped => {
                    guest.give_up();
                    same
                }
                // What is made of tables may have taken their room.
                Way::Arriving => Way::Whole,
                Way::Whole => Way::InWaves,
                Way::InWaves => return Err(refused.into()),
            };
        }
    }

    async fn attempt(
        self: &Arc<Self>,
        way: &mut Way,
        rows: &mut HostRows,
        guest: &Arc<Guest>,
        out: Out<'_>,
    ) -> Result<()> {
        let start = Instant::now();
        if *way != Way::InWaves
            && let Some(kept) = self.kept()?
        {
            let tables = self.over_loaded(kept, rows.gathered(self).await?, guest, start).await?;
            return self.run_over(tables, (guest, rows.stay()), out).await;
        }
        let mut load = self.open().await?;
        let bytes = load.device_bytes();
        if *way != Way::InWaves && !self.is_oversized(bytes) {
            guest.begin(bytes);
            if *way == Way::Arriving
                && self.leaves_room(bytes)
                && let Some(expectation) = load.hand_on()?
            {
                return self.as_they_arrive((load, expectation, bytes), rows, (guest, start), out).await;
            }
            let (loaded, inputs) = futures::try_join!(Self::loaded(self.loading(load)), rows.gathered(self))?;
            let tables = self.over_loaded(loaded?, inputs, guest, start).await?;
            return self.run_over(tables, (guest, rows.stay()), out).await;
        }
        *way = Way::InWaves;
        guest.begin(0);
        let (scans, inputs) = futures::try_join!(self.survey(load), rows.gathered(self))?;
        let tables = self.in_waves(scans, inputs, start).await?;
        self.run_over(tables, (guest, rows.stay()), out).await
    }

    pub(super) async fn run_over(
        self: &Arc<Self>,
        tables: Tables,
        (guest, may_repeat): (&Arc<Guest>, bool),
        (sender, baseline): Out<'_>,
    ) -> Result<()> {
        let (task, sender, baseline, guest) = (Arc::clone(self), sender.clone(), baseline.clone(), Arc::clone(guest));
        let blocking = tokio::task::spawn_blocking(move || {
            let timer = baseline.elapsed_compute().timer();
            let batch_rows = task.context.session_config().batch_size().max(1);
            let mut rows = Rows {
                task: &task,
                sender: &sender,
                baseline: &baseline,
                batch_rows,
                rows_out: 0,
                is_unread: false,
                guest: &guest,
                may_repeat,
            };
            let done = task.run(tables, &mut rows);
            timer.done();
            task.trace.note_pinned(task.runtime.handle().pinned_bytes());
            done
        });
        blocking.await.map_err(|join| Error::internal(format!("a device task ended early: {join}")))?
    }

    /// What the device refused runs on the host, unless rows of it have left or the host is not wanted.
    async fn go_back(&self, error: Error, waited_ms: f64, (sender, baseline): Out<'_>) -> HostResult<()> {
        let rows_left = baseline.output_rows().value() > 0;
        let config = self.context.session_config().options();
        let required = config.extensions.get::<MaarOptions>().is_some_and(|options| options.require_device);
        let Some(way_back) = self.way_back.as_ref().filter(|_| error.is_refusal() && !rows_left && !required) else {
            self.account.end(Ended::Failed);
            return Err(error.into());
        };
        let plan = way_back.plan(config)?;
        let mut stream = execute_stream(Arc::clone(&plan), Arc::clone(&self.context))?;
        let waited =
            if waited_ms > 0.0 { format!(", after waiting {waited_ms:.0} ms for others") } else { String::new() };
        *self.ran.lock() = Ran::OnHost { reason: format!("{error}{waited}"), plan };
        while let Some(batch) = stream.next().await {
            if sender.send(Ok(batch?.record_output(baseline))).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// The device plan over tables of these shapes.
    fn plan(&self, shapes: &Shapes, parts: bool, cuts: Cuts) -> Result<QueryPlan> {
        let planned = plan(&self.lowered.root, shapes, Limits { parts, cuts, ..self.runtime.limits() })?;
        Ok(QueryPlan { first: self.first.clone(), ..planned })
    }

    fn run(&self, tables: Tables, rows: &mut Rows<'_>) -> Result<()> {
        let start = Instant::now();
        let shapes = tables.shapes();
        let Tables { scans, inputs, loads, load_ms } = tables;
        self.account.begins(loads, load_ms);
        let done = self.run_over_feeds((scans, inputs), &shapes, rows);
        self.account.ran(start);
        self.account.waited(rows.guest.waited_ms());
        done?;
        self.account.end(if rows.is_unread { Ended::StoppedEarly } else { Ended::Finished });
        Ok(())
    }

    /// Runs over these tables; with its tables of keys in parts where they have no room as a whole, and would have none if other
    /// queries were gone.
    fn run_over_feeds(&self, mut feeds: (Vec<Feed>, Vec<Feed>), shapes: &Shapes, rows: &mut Rows<'_>) -> Result<()> {
        let (mut in_parts, mut cuts) = self.kernels.were_in_parts();
        loop {
            let start = Instant::now();
            let planned = self.plan(shapes, in_parts, cuts)?;
            feeds.1.iter().enumerate().try_for_each(|(input, feed)| feed.serves(&planned, input))?;
            let strategy_ms = milliseconds(start);
            feeds.0.iter_mut().enumerate().for_each(|(scan, feed)| feed.relied_on(&planned, scan));
            let kernels: Arc<[StageKernel]> = self.kernels(&planned)?.into();
            self.account.plans(&kernels, strategy_ms, milliseconds(start) - strategy_ms);
            self.account.translations(planned.translations_made());
            let may_part = !in_parts && self.leave_room(feeds.0.iter().chain(&feeds.1));
            let device = (&**self.runtime.handle(), &self.trace);
            let host = (&self.lowered.schema, HostSpace::of(&self.context.runtime_env()));
            let learned = self.kernels.learned();
            let before = Before { learned: &learned, translations: self.runtime.store().translations() };
            let mut run = Run::new(device, &planned, &kernels, feeds, host, before)?;
            match run.run(rows) {
                Ok(RunEnd::Cut(wanted)) => (feeds, cuts) = (run.feeds()?, wanted),
                Err(Error::Device(DeviceError::OutOfMemory { .. }))
                    if may_part && rows.rows_out == 0 && !rows.may_wait() =>
                {
                    (feeds, in_parts) = (run.feeds()?, true);
                }
                ended => {
                    // Also of what has failed: as far as it came.
                    let settled = run.time_stages();
                    self.account.waits(run.waits());
                    self.account.stages(run.reports());
                    ended?;
                    self.kernels.learn(run.learned());
                    return settled;
                }
            }
        }
    }

    fn kernels(&self, planned: &QueryPlan) -> Result<Vec<StageKernel>> {
        if let Some(known) = self.kernels.of(planned) {
            return Ok(known);
        }
        let _span = self.trace.span(Work::Compile);
        let kernels = compile_stages(self.runtime.handle(), planned)?;
        self.kernels.keep(planned, &kernels);
        Ok(kernels)
    }
}

/// The stream that takes the rows of a run.
struct Rows<'a> {
    task: &'a Task,
    sender: &'a Sender<HostResult<RecordBatch>>,
    baseline: &'a BaselineMetrics,
    batch_rows: usize,
    rows_out: u64,
    /// Nobody reads the stream any more.
    is_unread: bool,
    guest: &'a Guest,
    /// Whether all that is read can be read again.
    may_repeat: bool,
}

impl Rows<'_> {
    /// Whether it is better to wait for other queries than to make do with less.
    fn may_wait(&self) -> bool {
        self.may_repeat && self.guest.may_wait()
    }

    /// Hands over a batch of the session's size; `false` once nobody reads.
    fn send(&self, batch: RecordBatch) -> bool {
        match self.sender.try_send(Ok(batch)) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(batch)) => {
                let _span = self.task.trace.span(Work::Wait);
                self.guest.stalls(true);
                let sent = self.sender.blocking_send(batch).is_ok();
                self.guest.stalls(false);
                sent
            }
        }
    }
}

impl Reader for Rows<'_> {
    fn wants(&mut self) -> bool {
        self.is_unread |= self.sender.is_closed();
        !self.is_unread
    }

    fn hears(&mut self, stages: &[StageReport]) {
        self.task.account.stages(stages);
    }

    fn waits_for_room(&mut self) -> bool {
        self.wants() && self.guest.lingers()
    }

    /// Counted whole, not by slice: each slice would count the memory of all.
    fn take(&mut self, batch: RecordBatch) -> bool {
        self.rows_out += batch.num_rows() as u64;
        self.task.account.rows(self.rows_out);
        let (batch, rows) = (batch.record_output(self.baseline), self.batch_rows);
        let slice = |first| batch.slice(first, rows.min(batch.num_rows() - first));
        self.is_unread |= !(0..batch.num_rows()).step_by(rows).all(|first| self.send(slice(first)));
        !self.is_unread
    }
}

pub(super) fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
