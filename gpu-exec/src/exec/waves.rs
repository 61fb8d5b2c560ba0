//! Waves of a table that does not fit the device: while one is read, the next is made and uploaded.

use std::future::Future;
use std::sync::Arc;

use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::column::DeviceTable;
use crate::device::DeviceError;
use crate::error::{Error, Result};
use crate::operators::SegmentFeed;
use crate::scan::{InputStats, InputWaves, LoadStats, Windows};
use crate::trace::{Trace, Work};

/// Where waves come from.
pub(super) trait WaveSource: Send + 'static {
    type Stats: Send;

    /// The next rows, of about so many bytes; `None` at the end.
    fn next(&mut self, bytes: u64) -> impl Future<Output = Result<Option<DeviceTable>>> + Send;

    /// From the first row again.
    fn rewind(&mut self) -> Result<()>;

    /// Whether its rows stay encoded on the host.
    fn is_kept(&self) -> bool;

    /// What was done so far.
    fn stats(&self) -> Self::Stats;
}

/// A feed of one table. It is read on a thread that may block.
pub(super) struct Waves<S: WaveSource> {
    /// Bytes a wave.
    bytes: u64,
    is_kept: bool,
    state: State<S>,
    stats: Arc<Mutex<S::Stats>>,
    trace: Arc<Trace>,
}

/// A table, and what it gave when it was asked.
type Arrived<S> = (Box<S>, Result<Option<DeviceTable>>);
type Coming<S> = SpawnedTask<Arrived<S>>;

enum State<S: WaveSource> {
    Idle(Box<S>),
    /// The next wave is on its way.
    Coming(Coming<S>),
    /// An error ended it.
    Failed,
}

impl<S: WaveSource> Waves<S> {
    pub(super) fn new(source: S, bytes: u64, stats: Arc<Mutex<S::Stats>>, trace: Arc<Trace>) -> Self {
        Self { bytes, is_kept: source.is_kept(), state: State::Idle(Box::new(source)), stats, trace }
    }

    fn ask(&self, mut source: Box<S>) -> Coming<S> {
        let bytes = self.bytes;
        SpawnedTask::spawn(async move {
            let wave = source.next(bytes).await;
            (source, wave)
        })
    }

    /// Waits for the wave that is on its way.
    fn arrived(&self, coming: Coming<S>) -> Result<Arrived<S>> {
        let span = self.trace.span(Work::Wait);
        let joined = Handle::current().block_on(coming);
        drop(span);
        let (source, wave) = joined.map_err(|join| Error::Host(DataFusionError::ExecutionJoin(Box::new(join))))?;
        *self.stats.lock() = source.stats();
        Ok((source, wave))
    }

    fn after_failure() -> Error {
        Error::internal("a table was asked for more after it had failed")
    }
}

impl<S: WaveSource> SegmentFeed for Waves<S> {
    fn next(&mut self) -> Result<Option<DeviceTable>> {
        let coming = match std::mem::replace(&mut self.state, State::Failed) {
            State::Idle(source) => self.ask(source),
            State::Coming(coming) => coming,
            State::Failed => return Err(Self::after_failure()),
        };
        let (source, wave) = match self.arrived(coming)? {
            // There was no room beside the wave before, which is gone now.
            (source, Err(Error::Device(DeviceError::OutOfMemory { .. }))) => self.arrived(self.ask(source))?,
            arrived => arrived,
        };
        let wave = match wave {
            Ok(wave) => wave,
            Err(error) => {
                // Where there was no room, there may be some when the table is read again.
                if matches!(error, Error::Device(DeviceError::OutOfMemory { .. })) {
                    self.state = State::Idle(source);
                }
                return Err(error);
            }
        };
        self.state = if wave.is_some() { State::Coming(self.ask(source)) } else { State::Idle(source) };
        Ok(wave)
    }

    fn rewind(&mut self) -> Result<()> {
        let mut source = match std::mem::replace(&mut self.state, State::Failed) {
            State::Idle(source) => source,
            // What comes is not what is wanted now.
            State::Coming(coming) => self.arrived(coming)?.0,
            State::Failed => return Err(Self::after_failure()),
        };
        source.rewind()?;
        self.state = State::Idle(source);
        Ok(())
    }

    fn is_kept(&self) -> bool {
        self.is_kept
    }
}

impl WaveSource for Windows {
    type Stats = LoadStats;

    async fn next(&mut self, bytes: u64) -> Result<Option<DeviceTable>> {
        Ok(Windows::next(self, bytes).await?)
    }

    fn rewind(&mut self) -> Result<()> {
        Windows::rewind(self);
        Ok(())
    }

    fn is_kept(&self) -> bool {
        Windows::is_kept(self)
    }

    fn stats(&self) -> LoadStats {
        Windows::stats(self)
    }
}

impl WaveSource for InputWaves {
    type Stats = InputStats;

    async fn next(&mut self, bytes: u64) -> Result<Option<DeviceTable>> {
        Ok(InputWaves::next(self, bytes).await?)
    }

    fn rewind(&mut self) -> Result<()> {
        InputWaves::rewind(self);
        Ok(())
    }

    fn is_kept(&self) -> bool {
        true
    }

    fn stats(&self) -> InputStats {
        InputWaves::stats(self)
    }
}
