//! What the checks share: a device with a stream, kernels by name, vectors up and down.
#![expect(unsafe_code, reason = "launches of the checks' own kernels")]

use std::fmt::Debug;
use std::sync::Arc;

use super::super::{DeviceBuffer, DeviceHandle, Launch, Stream};
use super::kernels::Kernel;
use super::{CheckError, CheckResult};

/// A number as it lies in device memory.
pub(super) trait Number: Copy + PartialEq + Debug {
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
number!(u8, i8, u16, i16, u32, i32, u64, i64, u128, i128, f32, f64);

/// A device at work on one check.
pub(super) struct Bench<'a> {
    device: &'a Arc<DeviceHandle>,
    pub(super) stream: Stream,
}

impl<'a> Bench<'a> {
    pub(super) fn new(device: &'a Arc<DeviceHandle>) -> Result<Self, CheckError> {
        Ok(Self { device, stream: device.stream()? })
    }

    pub(super) fn up<T: Number>(&self, values: &[T]) -> Result<DeviceBuffer, CheckError> {
        let mut bytes = Vec::with_capacity(size_of_val(values));
        values.iter().for_each(|v| v.put(&mut bytes));
        let buffer = self.device.alloc("selftest", bytes.len())?;
        self.stream.upload(&buffer, 0, &bytes)?;
        Ok(buffer)
    }

    /// `count` numbers of zero bytes.
    pub(super) fn zeros<T: Number>(&self, count: usize) -> Result<DeviceBuffer, CheckError> {
        let bytes = count * size_of::<T>();
        let buffer = self.device.alloc("selftest", bytes)?;
        self.stream.fill(&buffer, 0, bytes, 0)?;
        Ok(buffer)
    }

    pub(super) fn down<T: Number>(&self, buffer: &DeviceBuffer) -> Result<Vec<T>, CheckError> {
        let mut bytes = vec![0; buffer.len()];
        self.stream.download(buffer, 0, &mut bytes)?;
        Ok(bytes.chunks_exact(size_of::<T>()).filter_map(T::get).collect())
    }

    /// Launches and waits.
    pub(super) fn run(&self, kernel: &Kernel, launch: Launch, params: &[u64]) -> CheckResult {
        for code in self.device.kernels(&[kernel.request()])? {
            // SAFETY: the checks pass addresses of buffers they hold until after the wait below.
            unsafe { self.stream.launch(&code, launch, params)? };
        }
        Ok(self.stream.synchronize()?)
    }
}

pub(super) fn shape(blocks: u32, threads: u32, shared_bytes: u32) -> Launch {
    Launch { blocks, threads, shared_bytes }
}

/// Fails unless `got` is `want`, naming the first place where they differ.
pub(super) fn same<T: Number>(what: &str, got: &[T], want: &[T]) -> CheckResult {
    if got.len() != want.len() {
        return Err(CheckError::Wrong(format!("{what}: {} values instead of {}", got.len(), want.len())));
    }
    match got.iter().zip(want).position(|(g, w)| g != w) {
        None => Ok(()),
        Some(i) => Err(CheckError::Wrong(format!("{what}: value {i} is {:?} instead of {:?}", got[i], want[i]))),
    }
}

/// Fails with `what` unless `condition` holds.
pub(super) fn ensure(condition: bool, what: impl FnOnce() -> String) -> CheckResult {
    if condition { Ok(()) } else { Err(CheckError::Wrong(what())) }
}
