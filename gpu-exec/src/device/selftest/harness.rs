//! What checks of device code share, those here and those of the library (`tests/kernels`): a device with a stream,
//! kernels by name, vectors up and down.
#![expect(unsafe_code, reason = "launches of the checks' own kernels")]

use std::fmt::Debug;
use std::sync::Arc;

use super::super::{DeviceBuffer, DeviceHandle, KernelRequest, Launch, Stream, SyncMode};
use super::{CheckError, CheckResult};

/// One kernel of the checks.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    pub entry: &'static str,
    pub sync: SyncMode,
    pub source: &'static str,
}

impl Kernel {
    pub(super) fn request(&self) -> KernelRequest {
        KernelRequest { entry: self.entry.to_owned(), source: self.source.into(), sync: self.sync }
    }
}

/// A number as it lies in device memory.
pub trait Number: Copy + PartialEq + Debug {
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
#[derive(Debug)]
pub struct Bench<'a> {
    device: &'a Arc<DeviceHandle>,
    pub(super) stream: Stream,
}

impl<'a> Bench<'a> {
    /// # Errors
    /// Those of the device, here and below.
    pub fn new(device: &'a Arc<DeviceHandle>) -> Result<Self, CheckError> {
        Ok(Self { device, stream: device.stream()? })
    }

    /// Numbers over those that a buffer holds.
    ///
    /// # Errors
    /// Those of the device.
    pub fn put<T: Number>(&self, buffer: &DeviceBuffer, values: &[T]) -> CheckResult {
        let mut bytes = Vec::with_capacity(size_of_val(values));
        values.iter().for_each(|value| value.put(&mut bytes));
        Ok(self.stream.upload(buffer, 0, &bytes)?)
    }

    /// # Errors
    /// Those of the device.
    pub fn up<T: Number>(&self, values: &[T]) -> Result<DeviceBuffer, CheckError> {
        let mut bytes = Vec::with_capacity(size_of_val(values));
        values.iter().for_each(|value| value.put(&mut bytes));
        let buffer = self.device.alloc("check", bytes.len())?;
        self.stream.upload(&buffer, 0, &bytes)?;
        Ok(buffer)
    }

    /// `count` numbers whose bytes are all `byte`.
    ///
    /// # Errors
    /// Those of the device.
    pub fn filled<T: Number>(&self, count: usize, byte: u8) -> Result<DeviceBuffer, CheckError> {
        let bytes = count * size_of::<T>();
        let buffer = self.device.alloc("check", bytes)?;
        self.stream.fill(&buffer, 0, bytes, byte)?;
        Ok(buffer)
    }

    /// `count` numbers of zero bytes.
    pub(super) fn zeros<T: Number>(&self, count: usize) -> Result<DeviceBuffer, CheckError> {
        self.filled::<T>(count, 0)
    }

    /// # Errors
    /// Those of the device.
    pub fn down<T: Number>(&self, buffer: &DeviceBuffer) -> Result<Vec<T>, CheckError> {
        let mut bytes = vec![0; buffer.len()];
        self.stream.download(buffer, 0, &mut bytes)?;
        Ok(bytes.chunks_exact(size_of::<T>()).filter_map(T::get).collect())
    }

    /// Launches and waits.
    ///
    /// # Errors
    /// Those of the device.
    pub fn run(&self, kernel: &Kernel, launch: Launch, params: &[u64]) -> CheckResult {
        for code in self.device.kernels(&[kernel.request()])? {
            // SAFETY: the checks pass addresses of buffers they hold until after the wait below.
            unsafe { self.stream.launch(&code, launch, params)? };
        }
        Ok(self.stream.synchronize()?)
    }
}

pub fn shape(blocks: u32, threads: u32, shared_bytes: u32) -> Launch {
    Launch { blocks, threads, shared_bytes }
}

/// # Errors
/// Unless `got` is `want`: names the first place where they differ.
pub fn same<T: PartialEq + Debug>(what: &str, got: &[T], want: &[T]) -> CheckResult {
    if got.len() != want.len() {
        return Err(CheckError::Wrong(format!("{what}: {} values instead of {}", got.len(), want.len())));
    }
    match got.iter().zip(want).position(|(got, want)| got != want) {
        None => Ok(()),
        Some(at) => Err(CheckError::Wrong(format!("{what}: value {at} is {:?} instead of {:?}", got[at], want[at]))),
    }
}

/// # Errors
/// With `what` unless `condition` holds.
pub fn ensure(condition: bool, what: impl FnOnce() -> String) -> CheckResult {
    if condition { Ok(()) } else { Err(CheckError::Wrong(what())) }
}
