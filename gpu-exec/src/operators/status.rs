//! What a run's kernels report to the host: error words, and how many rows reached the result and each build. One block of
//! words in device memory, so that one copy tells all of it; and what the bits mean to a user.

use crate::device::{DeviceBuffer, DeviceHandle, Stream};
use crate::error::{self, Error, Result};

/// Bits of the first error word, as `error.cuh` has them.
const OVERFLOW: u64 = 1;
const DIVISION_BY_ZERO: u64 = 2;
const CAST: u64 = 4;
const DUPLICATE_KEY: u64 = 8;
const CAPACITY: u64 = 16;

/// Words from one counter to the next: a sector each, as they are added to by all blocks at once.
const STRIDE: usize = 4;
/// Where the counters stand, after the error word and the smallest offending row.
const EMITTED: usize = STRIDE;
const BUILDS: usize = 2 * STRIDE;
const WORD: usize = 8;

/// The words, in device memory.
#[derive(Debug)]
pub(super) struct Status {
    words: DeviceBuffer,
}

/// What the words were at some point of the stream.
#[derive(Clone, Debug)]
pub(super) struct Reported(Vec<u64>);

/// What the device reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// A table was too small: run again with larger ones.
    Grow,
}

impl Status {
    /// Of a run with so many builds.
    pub(super) fn new(handle: &DeviceHandle, stream: &Stream, builds: usize) -> Result<Self> {
        let words = handle.alloc("status words", (BUILDS + builds * STRIDE) * WORD)?;
        stream.fill(&words, 0, words.len(), 0)?;
        let status = Self { words };
        status.clear(stream)?;
        Ok(status)
    }

    /// As if no error had been reported.
    pub(super) fn clear(&self, stream: &Stream) -> Result<()> {
        self.zero(stream, 0)?;
        Ok(stream.fill(&self.words, WORD, WORD, 0xff)?)
    }

    /// As if no row had been put out.
    pub(super) fn clear_emitted(&self, stream: &Stream) -> Result<()> {
        self.zero(stream, EMITTED)
    }

    /// As if no row had reached a build.
    pub(super) fn clear_build(&self, stream: &Stream, build: usize) -> Result<()> {
        self.zero(stream, BUILDS + build * STRIDE)
    }

    fn zero(&self, stream: &Stream, word: usize) -> Result<()> {
        Ok(stream.fill(&self.words, word * WORD, WORD, 0)?)
    }

    /// The address of the error words.
    pub(super) fn error(&self) -> u64 {
        self.words.ptr().0
    }

    /// The address at which rows that are put out are counted.
    pub(super) fn emitted(&self) -> u64 {
        self.words.ptr().0 + (EMITTED * WORD) as u64
    }

    /// The address at which rows of a build are counted.
    pub(super) fn build(&self, build: usize) -> u64 {
        self.words.ptr().0 + ((BUILDS + build * STRIDE) * WORD) as u64
    }

    pub(super) fn bytes(&self) -> usize {
        self.words.len()
    }

    /// Queues a copy of the words to the start of a buffer.
    pub(super) fn copy_to(&self, stream: &Stream, buffer: &DeviceBuffer) -> Result<()> {
        Ok(stream.copy(buffer, 0, &self.words, 0, self.bytes())?)
    }

    /// Waits for the stream and reads the words.
    pub(super) fn read(&self, stream: &Stream) -> Result<Reported> {
        let mut bytes = vec![0; self.bytes()];
        stream.download(&self.words, 0, &mut bytes)?;
        Ok(Reported::of(&bytes))
    }
}

impl Reported {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }

    /// Whether a table was full. That makes every other error doubtful.
    pub(super) fn is_full(&self) -> bool {
        self.0[0] & CAPACITY != 0
    }

    /// Rows that were put out since that was cleared, also those that had no room.
    pub(super) fn rows_emitted(&self) -> u64 {
        self.0[EMITTED]
    }

    /// Rows that reached a build, also those that had no room.
    pub(super) fn rows_of_build(&self, build: usize) -> u64 {
        self.0[BUILDS + build * STRIDE]
    }

    /// How it went.
    ///
    /// # Errors
    /// What the query did wrong.
    pub(super) fn verdict(&self) -> Result<Verdict> {
        let bits = self.0[0];
        match () {
            () if bits == 0 => Ok(Verdict::Fine),
            () if self.is_full() => Ok(Verdict::Grow),
            () if bits & OVERFLOW != 0 => Err(Error::Query(error::OVERFLOW.into())),
            () if bits & DIVISION_BY_ZERO != 0 => Err(Error::Query(error::DIVISION_BY_ZERO.into())),
            () if bits & CAST != 0 => Err(Error::Query(error::CAST.into())),
            () if bits & DUPLICATE_KEY != 0 => Err(Error::internal("a join key proven unique was met twice")),
            () => Err(Error::internal(format!("unknown error bits {bits:#x} from the device"))),
        }
    }
}
