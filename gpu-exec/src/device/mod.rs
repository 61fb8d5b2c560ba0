//! The device: memory, copies, compiled kernels and launches, behind one trait with two implementations.
//!
//! `cuda` drives a real GPU through the driver API and NVRTC, both loaded at run time. `emulated` runs the same
//! device text on the host, compiled by the C++ compiler against a shim: a test instrument, asked for by name.
//! Everything above this room uses the safe types exported here: [`DeviceBuffer`], [`Stream`], [`Launch`].
//! Not here: what a kernel does (`kernels/`), who writes its text (`codegen/`), what a column is (`column/`).

mod error;

use std::fmt;
use std::sync::Arc;

pub use error::{DeviceError, DeviceResult};

/// Which implementation of [`Device`] this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// A real NVIDIA GPU.
    Cuda,
    /// The test instrument on the host.
    Emulated,
}

/// What a device is: constant for its lifetime.
#[derive(Clone, Debug)]
pub struct DeviceInfo {
    pub kind: DeviceKind,
    /// Ordinal among the devices of its kind.
    pub ordinal: usize,
    /// Name as the driver reports it.
    pub name: String,
    /// Compute capability as `10 * major + minor` (90 for sm_90). The emulated device reports 0.
    pub compute_capability: u32,
    /// Streaming multiprocessors; the emulated device reports a small number so that grids stay small.
    pub multiprocessors: u32,
    /// Total memory in bytes.
    pub memory_bytes: u64,
    /// Most dynamic shared memory one block may ask for, in bytes (after opt-in).
    pub shared_bytes_max: u32,
}

/// An address in device memory. Never dereferenced on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DevicePtr(pub u64);

/// A compiled entry point, ready to launch.
pub trait Kernel: Send + Sync + fmt::Debug {
    fn as_any(&self) -> &dyn std::any::Any;
    /// Registers a thread, spilled bytes and so on, where the compiler told them.
    fn resources(&self) -> KernelResources;
}

/// What the compiler said of a kernel. Zero where unknown (the emulated device).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelResources {
    pub registers: u32,
    pub spill_bytes: u32,
}

/// The shape of one launch: one-dimensional, as every kernel of this project is.
#[derive(Clone, Copy, Debug)]
pub struct Launch {
    pub blocks: u32,
    /// Threads a block: a multiple of 32.
    pub threads: u32,
    /// Dynamic shared memory in bytes.
    pub shared_bytes: u32,
}

/// Device memory that goes back to its arena when dropped.
#[derive(Debug)]
pub struct DeviceBuffer {
    ptr: DevicePtr,
}

impl DeviceBuffer {
    pub fn ptr(&self) -> DevicePtr {
        self.ptr
    }
}
