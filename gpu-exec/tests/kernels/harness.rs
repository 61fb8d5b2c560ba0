//! What the checks share: a device with a stream, kernels as text, vectors up and down, numbers at the edges.
#![expect(unsafe_code, reason = "launches of the checks' own kernels")]

use std::error::Error;
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use maar_gpu_exec::device::{DeviceBuffer, DeviceHandle, KernelRequest, Launch, Stream, SyncMode};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;
pub(crate) type CheckResult = Result<()>;

/// Rows at which blocks, warps and tiles begin and end.
pub(crate) const SIZES: [usize; 12] = [0, 1, 31, 32, 33, 255, 257, 2047, 2048, 2049, 3 * 2048, 10_007];
/// Seeds of the data.
pub(crate) const SEEDS: [u64; 3] = [1, 2, 20_261_122];

/// One kernel of the checks.
pub(crate) struct Kernel {
    pub(crate) entry: &'static str,
    pub(crate) sync: SyncMode,
    pub(crate) source: &'static str,
}

/// A number as it lies in device memory.
pub(crate) trait Number: Copy + PartialEq + Debug {
    fn put(self, bytes: &mut Vec<u8>);
    fn get(bytes: &[u8]) -> Option<Self>;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Number for $type {
            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn get(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self::from_le_bytes)
            }
        }
    )*};
}
number!(u8, i8, u16, u32, i32, u64, i64, i128, f32, f64);

/// A device at work on one check.
pub(crate) struct Bench<'a> {
    device: &'a Arc<DeviceHandle>,
    stream: Stream,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(device: &'a Arc<DeviceHandle>) -> Result<Self> {
        Ok(Self { device, stream: device.stream()? })
    }

    pub(crate) fn up<T: Number>(&self, values: &[T]) -> Result<DeviceBuffer> {
        let mut bytes = Vec::with_capacity(size_of_val(values));
        values.iter().for_each(|value| value.put(&mut bytes));
        let buffer = self.device.alloc("check", bytes.len())?;
        self.stream.upload(&buffer, 0, &bytes)?;
        Ok(buffer)
    }

    /// `count` numbers whose bytes are all `byte`.
    pub(crate) fn filled<T: Number>(&self, count: usize, byte: u8) -> Result<DeviceBuffer> {
        let bytes = count * size_of::<T>();
        let buffer = self.device.alloc("check", bytes)?;
        self.stream.fill(&buffer, 0, bytes, byte)?;
        Ok(buffer)
    }

    pub(crate) fn down<T: Number>(&self, buffer: &DeviceBuffer) -> Result<Vec<T>> {
        let mut bytes = vec![0; buffer.len()];
        self.stream.download(buffer, 0, &mut bytes)?;
        Ok(bytes.chunks_exact(size_of::<T>()).filter_map(T::get).collect())
    }

    /// Launches and waits.
    pub(crate) fn run(&self, kernel: &Kernel, launch: Launch, params: &[u64]) -> CheckResult {
        let request = KernelRequest { entry: kernel.entry.to_owned(), source: kernel.source.into(), sync: kernel.sync };
        for code in self.device.kernels(&[request])? {
            // SAFETY: the checks pass addresses of buffers they hold until after the wait below.
            unsafe { self.stream.launch(&code, launch, params)? };
        }
        Ok(self.stream.synchronize()?)
    }
}

pub(crate) fn shape(blocks: u32, threads: u32, shared_bytes: u32) -> Launch {
    Launch { blocks, threads, shared_bytes }
}

pub(crate) fn random(seed: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed)
}

/// Integers where carries, signs and widths change, with their neighbours.
pub(crate) fn edges() -> &'static [i128] {
    static EDGES: OnceLock<Vec<i128>> = OnceLock::new();
    EDGES.get_or_init(make_edges)
}

fn make_edges() -> Vec<i128> {
    let mut values = vec![0, i128::MIN, i128::MAX, i128::MIN + 1, i128::MAX - 1];
    let powers_of_two = [7, 8, 15, 16, 31, 32, 62, 63, 64, 65, 95, 96, 126].map(|bits| 1_i128 << bits);
    let powers_of_ten = [1, 2, 9, 10, 18, 19, 37, 38].map(|digits| 10_i128.pow(digits));
    for power in powers_of_two.into_iter().chain(powers_of_ten) {
        for near in [power - 1, power, power + 1] {
            values.extend([near, -near]);
        }
    }
    values
}

/// An integer of any magnitude: as likely of 3 bits as of 127.
pub(crate) fn any_integer(random: &mut SmallRng) -> i128 {
    random.random::<i128>() >> random.random_range(0..128)
}

/// Fails unless `got` is `want`, naming the first place where they differ.
pub(crate) fn same<T: PartialEq + Debug>(what: &str, got: &[T], want: &[T]) -> CheckResult {
    if got.len() != want.len() {
        return Err(format!("{what}: {} values instead of {}", got.len(), want.len()).into());
    }
    match got.iter().zip(want).position(|(got, want)| got != want) {
        None => Ok(()),
        Some(at) => Err(format!("{what}: value {at} is {:?} instead of {:?}", got[at], want[at]).into()),
    }
}

/// Fails with `what` unless `condition` holds.
pub(crate) fn ensure(condition: bool, what: impl FnOnce() -> String) -> CheckResult {
    if condition { Ok(()) } else { Err(what().into()) }
}
