//! One measurement: how it is repeated, timed and put into numbers.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Scale;
use super::kernels::{Kernel, SUM_F64, SUM_I32, SUM_I64};
use super::launch::{Grid, Word};
use crate::device::{DeviceBuffer, DeviceHandle, Stream};
use crate::error::{Error, Result};

/// Timed runs of a measurement, after the warm-up.
const RUNS: u32 = 7;
/// The warm-up of a full measurement lasts this long at least: idle GPUs lower their clocks.
const WARM_UP: Duration = Duration::from_millis(20);
/// Buffers take at most this share of the memory budget, two at a time.
const BUFFER_SHARE: u64 = 3;
/// Rows of a tile, as pipelines have them.
pub(super) const TILE_ROWS: u64 = 2048;

/// Which clock timed a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Marks in the stream: time on the device.
    Device,
    /// The host's, from the call to the end of waiting.
    Host,
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Device => "device",
            Self::Host => "host",
        })
    }
}

/// What one benchmark measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// Bytes a run moves: read plus written, or copied over the bus once. 0 where bytes are not the point.
    pub bytes: u64,
    /// Operations a run makes: rows, reads, adds, launches, compilations.
    pub operations: u64,
    /// Median of the runs, in milliseconds.
    pub ms: f64,
    /// The shortest run, in milliseconds.
    pub least_ms: f64,
    /// Timed runs.
    pub runs: u32,
    pub clock: Clock,
}

impl Measurement {
    /// GB/s of the median run; `None` where bytes are not the point.
    pub fn gigabytes_per_second(&self) -> Option<f64> {
        (self.bytes > 0 && self.ms > 0.0).then(|| self.bytes as f64 / self.ms / 1e6)
    }

    /// Billions of operations a second of the median run.
    pub fn giga_operations_per_second(&self) -> Option<f64> {
        (self.operations > 0 && self.ms > 0.0).then(|| self.operations as f64 / self.ms / 1e6)
    }

    /// Microseconds an operation takes.
    pub fn microseconds_each(&self) -> f64 {
        self.ms * 1e3 / self.operations.max(1) as f64
    }
}

/// One benchmark, ready to run.
pub(super) struct Probe {
    pub(super) group: &'static str,
    pub(super) name: String,
    pub(super) measure: Measure,
}

pub(super) type Measure = Box<dyn Fn(&Bench) -> Result<Measurement>>;

impl Probe {
    pub(super) fn new(
        group: &'static str,
        name: impl Into<String>,
        measure: impl Fn(&Bench) -> Result<Measurement> + 'static,
    ) -> Self {
        Self { group, name: name.into(), measure: Box::new(measure) }
    }
}

/// A device at work on the benchmarks.
pub(super) struct Bench {
    pub(super) handle: Arc<DeviceHandle>,
    pub(super) stream: Stream,
    pub(super) scale: Scale,
}

impl Bench {
    pub(super) fn new(handle: &Arc<DeviceHandle>, scale: Scale) -> Result<Self> {
        Ok(Self { handle: Arc::clone(handle), stream: handle.stream()?, scale })
    }

    /// `wanted` bytes, or as many as the device's memory has room for beside another such buffer; whole `unit`s.
    pub(super) fn bytes(&self, wanted: u64, unit: u64) -> u64 {
        let most = self.handle.memory().budget_bytes / BUFFER_SHARE;
        wanted.min(most).max(unit) / unit * unit
    }

    /// A buffer whose bytes are all `value`.
    pub(super) fn filled(&self, bytes: u64, value: u8) -> Result<DeviceBuffer> {
        let bytes = usize::try_from(bytes).map_err(|error| Error::internal(error.to_string()))?;
        let buffer = self.handle.alloc("micro-benchmark", bytes)?;
        self.stream.fill(&buffer, 0, bytes, value)?;
        Ok(buffer)
    }

    /// The kernel with a grid that fills the device.
    pub(super) fn grid(&self, kernel: &Kernel, blocks_useful: u64, shared_bytes: u32) -> Result<Grid> {
        let compiled = self.handle.kernels(&[kernel.request()])?;
        let compiled = compiled.into_iter().next().ok_or_else(|| Error::internal("a kernel was asked for in vain"))?;
        Grid::new(&self.handle, compiled, blocks_useful, shared_bytes)
    }

    /// Median of the device time of `work`, which only queues.
    pub(super) fn device_time(
        &self,
        bytes: u64,
        operations: u64,
        work: impl FnMut(&Stream) -> Result<()>,
    ) -> Result<Measurement> {
        let mut work = work;
        self.repeat(bytes, operations, Clock::Device, || {
            let before = self.stream.time_mark()?;
            work(&self.stream)?;
            let after = self.stream.time_mark()?;
            self.stream.synchronize()?;
            Ok(before.elapsed_ms(&after)?)
        })
    }

    /// Median of the host's time from the call of `work` to its return; the stream is idle before.
    pub(super) fn host_time(
        &self,
        bytes: u64,
        operations: u64,
        work: impl FnMut(&Stream) -> Result<()>,
    ) -> Result<Measurement> {
        let mut work = work;
        self.repeat(bytes, operations, Clock::Host, || {
            self.stream.synchronize()?;
            let started = Instant::now();
            work(&self.stream)?;
            Ok(started.elapsed().as_secs_f64() * 1e3)
        })
    }

    fn repeat(
        &self,
        bytes: u64,
        operations: u64,
        clock: Clock,
        mut once: impl FnMut() -> Result<f64>,
    ) -> Result<Measurement> {
        let warm_up = self.scale.pick(WARM_UP, Duration::ZERO);
        let started = Instant::now();
        once()?;
        while started.elapsed() < warm_up {
            once()?;
        }
        let times = (0..RUNS).map(|_| once()).collect::<Result<Vec<f64>>>()?;
        Ok(measurement(bytes, operations, clock, times))
    }

    /// Sum of the integers in a buffer of whole tiles, computed on the device.
    pub(super) fn sum(&self, buffer: &DeviceBuffer, kind: Number) -> Result<i64> {
        let tiles = buffer.len() as u64 / (kind.bytes() * TILE_ROWS);
        let grid = self.grid(kind.kernel(), tiles, 0)?;
        let sums = self.filled(grid.threads() * 8, 0)?;
        grid.launch(&self.stream, &[Word::Buffer(buffer), Word::Number(tiles), Word::Buffer(&sums)])?;
        self.total(&sums)
    }

    /// Sum of 64-bit integers, on the host.
    pub(super) fn total(&self, sums: &DeviceBuffer) -> Result<i64> {
        let mut bytes = vec![0; sums.len()];
        self.stream.download(sums, 0, &mut bytes)?;
        let words = bytes.chunks_exact(8).filter_map(|word| word.try_into().ok()).map(i64::from_le_bytes);
        Ok(words.fold(0, i64::wrapping_add))
    }
}

/// How a table's numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    U32,
    U64,
    F64,
}

impl Number {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::F64 => "f64",
        }
    }

    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::U32 => 4,
            Self::U64 | Self::F64 => 8,
        }
    }

    fn kernel(self) -> &'static Kernel {
        match self {
            Self::U32 => &SUM_I32,
            Self::U64 => &SUM_I64,
            Self::F64 => &SUM_F64,
        }
    }
}

/// The numbers of timed runs.
pub(super) fn measurement(bytes: u64, operations: u64, clock: Clock, mut times: Vec<f64>) -> Measurement {
    times.sort_by(f64::total_cmp);
    let at = |index: usize| times.get(index).copied().unwrap_or_default();
    let runs = u32::try_from(times.len()).unwrap_or(u32::MAX);
    Measurement { bytes, operations, ms: at(times.len() / 2), least_ms: at(0), runs, clock }
}

/// An error unless a kernel computed what it must have: a benchmark of wrong work is worth nothing.
pub(super) fn expect(what: &str, got: i64, want: i64) -> Result<()> {
    if got == want {
        return Ok(());
    }
    Err(Error::internal(format!("the micro-benchmark `{what}` computed {got} instead of {want}")))
}

/// A size in words, decimal.
pub(super) fn size_name(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1_000_000_000 => format!("{} GB", round(bytes, 1_000_000_000)),
        bytes if bytes >= 1_000_000 => format!("{} MB", round(bytes, 1_000_000)),
        bytes if bytes >= 1000 => format!("{} kB", round(bytes, 1000)),
        bytes => format!("{bytes} B"),
    }
}

/// Tenths where they say something.
fn round(bytes: u64, unit: u64) -> String {
    let tenths = (bytes * 10 + unit / 2) / unit;
    if tenths.is_multiple_of(10) { (tenths / 10).to_string() } else { format!("{}.{}", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_counts() {
        let found = measurement(4_000_000, 1_000_000, Clock::Device, vec![9.0, 2.0, 1.0]);
        assert_eq!((found.ms, found.least_ms, found.runs), (2.0, 1.0, 3));
        assert_eq!(found.gigabytes_per_second(), Some(2.0));
        assert_eq!(found.giga_operations_per_second(), Some(0.5));
        assert_eq!(found.microseconds_each(), 0.002);
        assert_eq!(measurement(0, 0, Clock::Host, vec![]).gigabytes_per_second(), None);
    }

    #[test]
    fn sizes_have_names() {
        let named = [12, 8000, 2_000_000, 2_147_483_648].map(size_name);
        assert_eq!(named, ["12 B", "8 kB", "2 MB", "2.1 GB"]);
    }

    #[test]
    fn wrong_work_is_an_error() {
        assert!(expect("x", 1, 1).is_ok());
        assert!(expect("x", 1, 2).is_err_and(|error| error.to_string().contains("computed 1 instead of 2")));
    }
}
