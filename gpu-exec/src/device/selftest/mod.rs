//! Checks of the device layer that run on any device: every primitive of device source, copies, the caches.
//!
//! They are functions over an open device, so that the tests run them on the emulated one and `maar` on a real GPU.
//! Not here: what only the emulated device can find (divergent barriers, red zones); that is in its tests.

mod atomics;
pub mod harness;
mod kernels;
mod memory;
pub mod sorting;
mod tables;
mod threads;
mod windows;
mod words;

use std::sync::Arc;

use thiserror::Error;

use super::{DeviceError, DeviceHandle, KernelRequest};

/// Why a check failed.
#[derive(Debug, Error)]
pub enum CheckError {
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The device answered, and the answer is wrong.
    #[error("{0}")]
    Wrong(String),
}

/// The outcome of one check.
pub type CheckResult = Result<(), CheckError>;

/// One check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    pub name: &'static str,
    pub run: fn(&Arc<DeviceHandle>) -> CheckResult,
}

/// All checks, cheapest first.
pub const CHECKS: &[Check] = &[
    Check { name: "copies", run: memory::copies },
    Check { name: "copies longer than a staging slot", run: memory::long_copies },
    Check { name: "ranges outside a buffer are refused", run: memory::ranges },
    Check { name: "accounting", run: memory::accounting },
    Check { name: "time marks", run: memory::time_marks },
    Check { name: "compiled code is found again", run: memory::code_is_found_again },
    Check { name: "thread indices", run: threads::indices },
    Check { name: "launch shapes are checked", run: threads::launch_shapes },
    Check { name: "sums of all sizes", run: threads::sums },
    Check { name: "votes", run: threads::votes },
    Check { name: "shuffles", run: threads::shuffles },
    Check { name: "block reduction", run: threads::block_reduction },
    Check { name: "large shared memory", run: threads::large_shared_memory },
    Check { name: "look-back between blocks", run: threads::look_back },
    Check { name: "bit operations", run: words::bits },
    Check { name: "128-bit integers", run: words::wide_integers },
    Check { name: "floats", run: words::floats },
    Check { name: "loads of eight", run: words::loads_of_eight },
    Check { name: "4 KB of parameters", run: words::many_parameters },
    Check { name: "atomics on global memory", run: atomics::global },
    Check { name: "atomics on shared memory", run: atomics::shared },
    Check { name: "compare and swap", run: atomics::compare_and_swap },
    Check { name: "radix sort", run: sorting::sorts },
    Check { name: "windows", run: windows::windows },
    Check { name: "tables under contention", run: tables::contention },
    Check { name: "streams side by side", run: tables::side_by_side },
];

/// Every kernel the checks use: together they call every primitive.
pub fn requests() -> Vec<KernelRequest> {
    kernels::KERNELS.iter().chain([&sorting::KERNEL, &windows::KERNEL]).map(harness::Kernel::request).collect()
}
