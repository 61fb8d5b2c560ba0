//! The tables of one execution: loaded whole where the device has room for them, else fed in waves.
//!
//! Loading whole is asynchronous, all tables at once. A table in waves is read once before the first of them, for what a plan
//! has to know of it. Not here: how rows of the host's operators come (`inputs.rs`).

use std::sync::Arc;
use std::time::Instant;

use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::memory_pool::MemoryConsumer;
use parking_lot::Mutex;

use super::arriving::Arriving;
use super::guests::Guest;
use super::host_share::share_of_host;
use super::inputs::{Gathered, Inputs, joined};
use super::streamed::Streamed;
use super::task::{Task, milliseconds};
use super::waves::{WaveSource, Waves};
use crate::column::DeviceTable;
use crate::device::DeviceError;
use crate::error::{Error, Result};
use crate::operators::Feed;
use crate::scan::{
    Arrival, Footers, HostInput, InputStats, InputWaves, Listed, Load, LoadStats, Loaded, ParquetScan, ScanError,
    Source, Windows,
};
use crate::strategy::Shapes;

/// Tables that will take more than so many eighths of the device come in waves. What is near it is tried whole: hot columns
/// are worth it, and a refusal leads to waves too.
const WHOLE_EIGHTHS: u64 = 7;
/// A wave takes this share of the device. There are two at a time, the one that is read and the next.
const WAVE_SHARE: u64 = 8;

/// Of what the host has left, a table that comes in waves may keep this share encoded.
const KEPT_SHARE: u64 = 3;

/// Where tables take less than this share of a device that no other query uses, inputs do not stay on the host once they are
/// there: what has no room beside so little would have hardly more in waves, and the host does the same in less memory.
const LITTLE_SHARE: u64 = 4;

/// Where inputs are put.
#[derive(Clone, Copy, PartialEq)]
enum Put {
    InWaves,
    /// On the device, and they stay on the host too: they may have to come in waves after all.
    Whole,
    /// On the device alone.
    Away,
}

/// Tables to read, and what it took to get them there.
pub(super) struct Tables {
    pub(super) scans: Vec<Feed>,
    pub(super) inputs: Vec<Feed>,
    pub(super) loads: Loads,
    pub(super) load_ms: f64,
}

/// What it took so far, as it goes on.
#[derive(Debug, Default)]
pub(super) struct Loads {
    /// One a scan; of waves, of those so far.
    pub(super) scans: Vec<Arc<Mutex<LoadStats>>>,
    /// One a host input; of waves, of those so far.
    pub(super) inputs: Vec<Arc<Mutex<InputStats>>>,
}

/// Scans on their way to the device.
pub(super) type Loading = SpawnedTask<std::result::Result<Vec<Loaded>, ScanError>>;

/// A table to read, and what it took.
pub(super) type Fed<S, T = Feed> = (T, Arc<Mutex<S>>);

impl Tables {
    fn new(scans: Vec<Fed<LoadStats>>, inputs: Vec<Fed<InputStats>>, start: Instant) -> Self {
        let (scans, of_scans) = scans.into_iter().unzip();
        let (inputs, of_inputs) = inputs.into_iter().unzip();
        let loads = Loads { scans: of_scans, inputs: of_inputs };
        Self { scans, inputs, loads, load_ms: milliseconds(start) }
    }

    pub(super) fn shapes(&self) -> Shapes {
        let of = |feeds: &[Feed]| feeds.iter().map(|feed| feed.shape().clone()).collect();
        Shapes { scans: of(&self.scans), inputs: of(&self.inputs) }
    }
}

impl Task {
    /// The files of all scans, as the statement has listed them or as they are now.
    pub(super) async fn open(&self) -> Result<Load> {
        let (listed, sources) = (self.listed(), self.sources()?);
        let scans = sources.iter().map(|source| Arc::clone(source.stats())).collect();
        self.account.loads(Loads { scans, inputs: vec![] });
        Ok(Load::open(self.runtime.handle(), self.runtime.store(), sources, listed.as_deref()).await?)
    }

    /// The tables of an earlier run of the plan, where they are what a load would find.
    pub(super) fn kept(&self) -> Result<Option<Vec<Loaded>>> {
        let Some(listed) = self.listed() else { return Ok(None) };
        Ok(Load::kept(self.runtime.store(), &self.sources()?, &listed))
    }

    fn sources(&self) -> Result<Vec<Source>> {
        let footers = self.context.session_config().get_extension::<Footers>().unwrap_or_default();
        let source = |scan: &Arc<ParquetScan>| {
            let objects = self.context.runtime_env().object_store(&scan.store_url)?;
            let source = Source::new(Arc::clone(scan), objects).sharing(Arc::clone(&footers));
            Ok(source.traced(Arc::clone(&self.trace)))
        };
        self.scans.iter().map(source).collect()
    }

    fn listed(&self) -> Option<Arc<Listed>> {
        self.context.session_config().get_extension::<Listed>()
    }

    /// Whether tables of so many bytes leave no room for what is made of them.
    pub(super) fn is_oversized(&self, bytes: u64) -> bool {
        bytes > self.runtime.handle().memory().budget_bytes / 8 * WHOLE_EIGHTHS
    }

    /// Whether these tables leave room enough for what is made of them, if that comes in parts.
    pub(super) fn leave_room<'a>(&self, mut feeds: impl Iterator<Item = &'a Feed>) -> bool {
        let room = self.runtime.handle().memory().budget_bytes / 2;
        feeds.try_fold(room, |left, feed| left.checked_sub(feed.resident_bytes())).is_some()
    }

    /// Whether tables of so many bytes leave as much again.
    pub(super) fn leaves_room(&self, bytes: u64) -> bool {
        bytes <= self.runtime.handle().memory().budget_bytes / 2
    }

    /// Loads scans in a task of its own: the host's operators may compute for long between two answers.
    pub(super) fn loading(&self, load: Load) -> Loading {
        SpawnedTask::spawn(load.finish())
    }

    /// The scans on the device; what was refused where it has no room for them.
    pub(super) async fn loaded(loading: Loading) -> Result<std::result::Result<Vec<Loaded>, DeviceError>> {
        match loading.await.map_err(joined)?.map_err(Error::from) {
            Err(Error::Device(refused @ DeviceError::OutOfMemory { .. })) => Ok(Err(refused)),
            loaded => loaded.map(Ok),
        }
    }

    /// Over scans that are on their way. Inputs are put on the device, and stay where they are: they may be read again.
    pub(super) async fn over_arriving(
        &self,
        (arrivals, bytes): (Vec<Fed<LoadStats, Arc<Arrival>>>, u64),
        inputs: &mut Inputs,
        start: Instant,
    ) -> Result<Tables> {
        let put = if self.is_oversized(bytes + inputs.device_bytes()) { Put::InWaves } else { Put::Whole };
        let of_each = bytes / arrivals.len().max(1) as u64;
        let feed = |(arrival, stats): Fed<LoadStats, Arc<Arrival>>| {
            let account = (Arc::clone(&self.account), start);
            let table = Arriving::new(arrival, of_each, Arc::clone(&self.trace), account).ok_or(Error::Unsettled)?;
            Ok((Feed::Arriving(Box::new(table)), stats))
        };
        let scans = arrivals.into_iter().map(feed).collect::<Result<Vec<_>>>()?;
        Ok(Tables::new(scans, self.feeds(inputs, put).await?, start))
    }

    /// The scans, each read once, to be read again in waves.
    pub(super) async fn survey(&self, load: Load) -> Result<Vec<Windows>> {
        let pool = &self.context.runtime_env().memory_pool;
        let mut all = Vec::new();
        for windows in load.in_windows() {
            let kept = MemoryConsumer::new("encoded columns of a table that comes in waves").register(pool);
            let mut windows = windows.keeping(share_of_host(pool.as_ref(), KEPT_SHARE), kept);
            windows.survey().await?;
            all.push(windows);
        }
        Ok(all)
    }

    /// Over scans that are on the device. Inputs are put there too where they fit beside them.
    pub(super) async fn over_loaded(
        &self,
        scans: Vec<Loaded>,
        inputs: &mut Inputs,
        guest: &Guest,
        start: Instant,
    ) -> Result<Tables> {
        let of_scans = device_bytes(&scans);
        guest.begin(of_scans);
        let bytes = of_scans + inputs.device_bytes();
        let put = match () {
            () if self.is_oversized(bytes) => Put::InWaves,
            () if bytes > self.runtime.handle().memory().budget_bytes / LITTLE_SHARE || !guest.is_alone() => Put::Whole,
            () => Put::Away,
        };
        let scans =
            scans.into_iter().map(|Loaded { table, stats }| (Feed::Resident(table), Arc::new(Mutex::new(stats))));
        Ok(Tables::new(scans.collect(), self.feeds(inputs, put).await?, start))
    }

    /// Everything in waves.
    pub(super) async fn in_waves(&self, scans: Vec<Windows>, inputs: &mut Inputs, start: Instant) -> Result<Tables> {
        let feed = |windows: Windows| {
            let (shape, stats) = (windows.shape().clone(), Arc::new(Mutex::new(windows.stats())));
            (Feed::Waves(shape, Box::new(self.waves(windows, &stats))), stats)
        };
        Ok(Tables::new(scans.into_iter().map(feed).collect(), self.feeds(inputs, Put::InWaves).await?, start))
    }

    async fn feeds(&self, inputs: &mut Inputs, put: Put) -> Result<Vec<Fed<InputStats>>> {
        let mut feeds = Vec::with_capacity(inputs.tables.len());
        for number in 0..inputs.tables.len() {
            let (input, gather_ms) = match std::mem::replace(&mut inputs.tables[number], Gathered::Gone) {
                Gathered::Whole { input, gather_ms } => (input, gather_ms),
                Gathered::Stream(streamed) => {
                    feeds.push(self.stream(*streamed));
                    continue;
                }
                Gathered::Gone => {
                    return Err(Error::Refused("rows of the host that came once were to be read again".to_owned()));
                }
            };
            let stats = InputStats { gather_ms, ..input.stats() };
            if put != Put::Away {
                inputs.tables[number] = Gathered::Whole { input: Arc::clone(&input), gather_ms };
            }
            feeds.push(match put {
                Put::InWaves => self.input_in_waves(input, gather_ms).await?,
                Put::Whole | Put::Away => (Feed::Resident(self.upload(input).await?), Arc::new(Mutex::new(stats))),
            });
            if put == Put::Away {
                inputs.gone(stats);
            }
        }
        Ok(feeds)
    }

    async fn input_in_waves(&self, mut input: Arc<HostInput>, gather_ms: f64) -> Result<Fed<InputStats>> {
        if self.outlives_waves() && input.has_raw_text() {
            let coded = tokio::task::spawn_blocking(move || input.without_raw_text());
            input = Arc::new(coded.await.map_err(joined)??);
        }
        let waves = InputWaves::new(self.runtime.handle(), Arc::clone(&input), gather_ms);
        let stats = Arc::new(Mutex::new(waves.stats()));
        let waves = self.waves(waves, &stats);
        Ok((Feed::Waves(input.shape().clone(), Box::new(waves)), stats))
    }

    fn stream(&self, streamed: Streamed) -> Fed<InputStats> {
        let (shape, why) = (streamed.rows.shape().clone(), streamed.why.clone());
        let stats = Arc::new(Mutex::new(streamed.rows.stats()));
        let waves = self.waves(streamed, &stats);
        (Feed::Once(shape, Box::new(waves), why), stats)
    }

    async fn upload(&self, input: Arc<HostInput>) -> Result<DeviceTable> {
        let handle = Arc::clone(self.runtime.handle());
        let uploaded = tokio::task::spawn_blocking(move || match Arc::try_unwrap(input) {
            Ok(alone) => alone.into_table(&handle),
            Err(shared) => shared.upload(&handle),
        });
        Ok(uploaded.await.map_err(joined)??)
    }

    fn waves<S: WaveSource>(&self, source: S, stats: &Arc<Mutex<S::Stats>>) -> Waves<S> {
        let bytes = self.runtime.handle().memory().budget_bytes / WAVE_SHARE;
        Waves::new(source, bytes, Arc::clone(stats), Arc::clone(&self.trace))
    }

    /// Whether a text of an input that goes to a join's build, or out after one, may be read when its wave is gone.
    fn outlives_waves(&self) -> bool {
        self.scans.len() + self.lowered.inputs.len() > 1
    }
}

/// Device memory that tables take.
fn device_bytes(loaded: &[Loaded]) -> u64 {
    loaded.iter().map(|loaded| loaded.stats.device_bytes).sum()
}
