//! The device: memory, copies, compiled kernels and launches, behind one trait with two implementations.
//!
//! `cuda` drives a real GPU through the driver API and NVRTC, both loaded at run time. `emulated` runs the same
//! device source on the host, compiled by the C++ compiler against a shim: a test instrument, asked for by name.
//! Everything above this room uses the safe types exported here: [`DeviceHandle`], [`DeviceBuffer`], [`Stream`].
//! Not here: what a kernel does (`kernels/`), who writes its source (`codegen/`), what a column is (`column/`).

mod arena;
mod backend;
mod busy;
mod code;
mod code_cache;
mod counters;
mod cuda;
mod discover;
mod disk_cache;
mod emulated;
mod error;
mod handle;
mod memory;
mod options;
mod parallel;
mod refusals;
pub mod selftest;
mod stream;

use std::fmt;

pub(crate) use self::parallel::{cores, side_by_side};
pub use code::{CodeOrigin, CompiledKernel, KernelRequest, SyncMode, without_comments};
pub use counters::CountersSnapshot;
pub use cuda::nvrtc_check;
pub use discover::{DiscoveryReport, discover};
pub use error::{DeviceError, DeviceResult};
pub use handle::DeviceHandle;
pub use memory::{DeviceBuffer, MemoryUse, Reservation};
pub use options::{DeviceChoice, DeviceOptions};
pub use stream::{Download, Stream, TimeMark};

/// Most threads a block may have; kernels are compiled for this many.
pub const BLOCK_THREADS: u32 = 256;
/// Threads that run in step.
pub const WARP_THREADS: u32 = 32;
/// Most bytes of a kernel's parameter struct.
pub const PARAMETER_BYTES_MAX: usize = 4096;

/// Which implementation a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// A real NVIDIA GPU.
    Cuda,
    /// The test instrument on the host.
    Emulated,
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cuda => "cuda",
            Self::Emulated => "emulated",
        })
    }
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
    /// What reading memory reaches at best, in bytes a second; floors are computed with it. The emulated device has
    /// that of the card it stands for, one H200.
    pub bandwidth: f64,
}

/// Of a memory's rated bandwidth, what a copy is taken to reach. An estimate: no run of ours has measured it yet.
const COPY_SHARE: f64 = 0.9;
/// The rated bandwidth of one H200 by its data sheet, in bytes a second.
const H200_BANDWIDTH: f64 = 4.8e12;

/// What reading reaches by memory clock (kHz) and bus width (bits), twice a clock. Where they are not told (0), the
/// floors are those of an H200.
fn bandwidth(clock_khz: u32, bus_bits: u32) -> f64 {
    let rated = 2.0 * f64::from(clock_khz) * 1e3 * f64::from(bus_bits) / 8.0;
    COPY_SHARE * if rated > 0.0 { rated } else { H200_BANDWIDTH }
}

/// An address in device memory. Never dereferenced on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DevicePtr(pub u64);

/// What the compiler said of a kernel. Zero where unknown (the emulated device).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelResources {
    /// Registers a thread.
    pub registers: u32,
    /// Bytes a thread stores to or loads from local memory because registers ran out.
    pub spill_bytes: u32,
    /// Bytes of local memory a thread has, spilled registers and addressed arrays.
    pub stack_bytes: u32,
}

/// The shape of one launch: one-dimensional, as every kernel of this project is.
#[derive(Clone, Copy, Debug)]
pub struct Launch {
    pub blocks: u32,
    /// Threads a block: a multiple of 32, at most [`BLOCK_THREADS`].
    pub threads: u32,
    /// Dynamic shared memory in bytes.
    pub shared_bytes: u32,
}
