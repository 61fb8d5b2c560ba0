//! The status of a run: the error words that kernels write, and what the bits mean to a user.

use crate::device::{DeviceBuffer, DeviceHandle, Stream};
use crate::error::{self, Error, Result};

/// Bits of the first error word, as `error.cuh` has them.
const OVERFLOW: u64 = 1;
const DIVISION_BY_ZERO: u64 = 2;
const CAST: u64 = 4;
const DUPLICATE_KEY: u64 = 8;
const CAPACITY: u64 = 16;

/// Error word and smallest offending row, in device memory.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) words: DeviceBuffer,
}

/// What the device reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// A table was too small: run again with larger ones.
    Grow,
}

impl Status {
    pub(super) fn new(handle: &DeviceHandle, stream: &Stream) -> Result<Self> {
        let status = Self { words: handle.alloc("error words", 16)? };
        status.clear(stream)?;
        Ok(status)
    }

    /// As if nothing had been reported.
    pub(super) fn clear(&self, stream: &Stream) -> Result<()> {
        stream.fill(&self.words, 0, 8, 0)?;
        Ok(stream.fill(&self.words, 8, 8, 0xff)?)
    }

    /// Waits for the stream and reads the words.
    pub(super) fn read(&self, stream: &Stream) -> Result<Verdict> {
        let mut bytes = [0_u8; 16];
        stream.download(&self.words, 0, &mut bytes)?;
        let bits = u64::from_le_bytes(bytes[..8].try_into().unwrap_or([0xff; 8]));
        // A table that overflowed makes every other report of this run doubtful: run again first.
        match () {
            () if bits == 0 => Ok(Verdict::Fine),
            () if bits & CAPACITY != 0 => Ok(Verdict::Grow),
            () if bits & OVERFLOW != 0 => Err(Error::Query(error::OVERFLOW.into())),
            () if bits & DIVISION_BY_ZERO != 0 => Err(Error::Query(error::DIVISION_BY_ZERO.into())),
            () if bits & CAST != 0 => Err(Error::Query(error::CAST.into())),
            () if bits & DUPLICATE_KEY != 0 => Err(Error::internal("a join key proven unique was met twice")),
            () => Err(Error::internal(format!("unknown error bits {bits:#x} from the device"))),
        }
    }
}
