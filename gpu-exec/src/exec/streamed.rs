//! Waves of a host input that is longer than what the host keeps: first what was kept, then the rest as it comes.

use std::sync::Arc;

use super::chunks::Chunks;
use super::room::Room;
use super::waves::WaveSource;
use crate::column::DeviceTable;
use crate::error::{Error, Result};
use crate::scan::{InputStats, InputStream};

/// Such an input. Its rows come once.
pub(super) struct Streamed {
    pub(super) rows: InputStream,
    pub(super) more: Chunks,
    pub(super) room: Arc<Room>,
    /// Bytes of the room that its rows take.
    pub(super) taken: u64,
    /// Why it is one.
    pub(super) why: String,
}

impl WaveSource for Streamed {
    type Stats = InputStats;

    async fn next(&mut self, bytes: u64) -> Result<Option<DeviceTable>> {
        loop {
            let wave = self.rows.next(bytes).await?;
            let left = self.rows.bytes().min(self.taken);
            self.room.give(self.taken - left);
            self.taken = left;
            if wave.is_some() {
                return Ok(wave);
            }
            match self.more.next().await? {
                Some(chunk) => self.rows.push(chunk)?,
                None => return Ok(None),
            }
        }
    }

    fn rewind(&mut self) -> Result<()> {
        if self.rows.has_begun() {
            return Err(Error::Refused(format!("{} (they were to be read again, by a larger table)", self.why)));
        }
        Ok(())
    }

    fn is_kept(&self) -> bool {
        false
    }

    fn stats(&self) -> InputStats {
        self.rows.stats()
    }
}
