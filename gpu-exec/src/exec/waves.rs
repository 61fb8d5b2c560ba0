//! Waves of a scan that does not fit the device: while one is read, the next is decoded and uploaded.

use std::sync::Arc;

use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::column::DeviceTable;
use crate::device::DeviceError;
use crate::error::{Error, Result};
use crate::operators::SegmentFeed;
use crate::scan::{LoadStats, ScanError, Windows};

/// A feed of one scan. It is read on a thread that may block.
pub(super) struct ScanWaves {
    /// Bytes a wave.
    bytes: u64,
    state: State,
    stats: Arc<Mutex<LoadStats>>,
}

/// A scan, and what it gave when it was asked.
type Arrived = (Box<Windows>, std::result::Result<Option<DeviceTable>, ScanError>);
type Coming = SpawnedTask<Arrived>;

enum State {
    Idle(Box<Windows>),
    /// The next wave is on its way.
    Coming(Coming),
    /// An error ended it.
    Failed,
}

impl ScanWaves {
    pub(super) fn new(windows: Windows, bytes: u64, stats: Arc<Mutex<LoadStats>>) -> Self {
        Self { bytes, state: State::Idle(Box::new(windows)), stats }
    }

    fn ask(&self, mut windows: Box<Windows>) -> Coming {
        let bytes = self.bytes;
        SpawnedTask::spawn(async move {
            let wave = windows.next(bytes).await;
            (windows, wave)
        })
    }

    /// Waits for the wave that is on its way.
    fn arrived(&self, coming: Coming) -> Result<Arrived> {
        let joined = Handle::current().block_on(coming);
        let (windows, wave) = joined.map_err(|join| Error::Host(DataFusionError::ExecutionJoin(Box::new(join))))?;
        *self.stats.lock() = windows.stats();
        Ok((windows, wave))
    }
}

impl SegmentFeed for ScanWaves {
    fn next(&mut self) -> Result<Option<DeviceTable>> {
        let coming = match std::mem::replace(&mut self.state, State::Failed) {
            State::Idle(windows) => self.ask(windows),
            State::Coming(coming) => coming,
            State::Failed => return Err(Error::internal("a scan was asked for more after it had failed")),
        };
        let (windows, wave) = match self.arrived(coming)? {
            // There was no room beside the wave before, which is gone now.
            (windows, Err(ScanError::Device(DeviceError::OutOfMemory { .. }))) => self.arrived(self.ask(windows))?,
            arrived => arrived,
        };
        let wave = wave?;
        self.state = if wave.is_some() { State::Coming(self.ask(windows)) } else { State::Idle(windows) };
        Ok(wave)
    }

    fn rewind(&mut self) -> Result<()> {
        let mut windows = match std::mem::replace(&mut self.state, State::Failed) {
            State::Idle(windows) => windows,
            // What comes is not what is wanted now.
            State::Coming(coming) => self.arrived(coming)?.0,
            State::Failed => return Err(Error::internal("a scan was asked for more after it had failed")),
        };
        windows.rewind();
        self.state = State::Idle(windows);
        Ok(())
    }
}
