//! Micro-benchmarks of a device: what its memory, caches, atomics, launches, compiler and bus can do, measured with the
//! access patterns and through the calls that the engine itself uses.
//!
//! The numbers replace estimates that strategy's constants rest on. Every kernel's result is checked, so a wrong device
//! is an error and not a record. On the emulated device the sizes are small and the times mean nothing.
//! Not here: benchmarks of queries (`maar bench tpch`), nor how results are shown.

mod atomics;
mod kernels;
mod launch;
mod memory;
mod overhead;
mod probe;
mod random;

use std::sync::Arc;

use crate::device::{DeviceHandle, DeviceKind, KernelRequest};
use crate::error::Result;

pub use probe::{Clock, Measurement};

/// Why a measurement failed.
pub use crate::error::Error;

use probe::{Bench, Probe};

/// How much work a benchmark does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Sizes that keep a large GPU busy for about a millisecond a run. An emulated device takes [`Scale::Quick`] anyway.
    Full,
    /// Sizes for a test: everything runs, no number means much.
    Quick,
}

impl Scale {
    /// The size for this scale.
    fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// A device source whose compile time is of interest.
#[derive(Clone, Debug)]
pub struct KernelSource {
    /// How results call it.
    pub name: String,
    /// Entry point in `source`.
    pub entry: String,
    /// What follows the library header.
    pub source: Arc<str>,
}

/// One benchmark's result, or why there is none.
#[derive(Debug)]
pub struct Outcome {
    /// The family of the benchmark: `copy`, `loads`, `gather`, ...
    pub group: &'static str,
    /// What of the family: a type, a size.
    pub name: String,
    pub result: Result<Measurement>,
}

/// Runs every benchmark and hands each outcome over as it comes.
///
/// A benchmark that fails does not stop the others; after a fault of a GPU all that follow fail too.
///
/// # Errors
/// `Device` where the device gives no stream.
pub fn run(handle: &Arc<DeviceHandle>, scale: Scale, each: impl FnMut(Outcome)) -> Result<()> {
    let bench = bench(handle, scale)?;
    let mut probes = memory::probes(&bench);
    probes.extend(random::probes(&bench));
    probes.extend(atomics::probes(&bench));
    probes.extend(overhead::probes(&bench));
    measure(&bench, probes, each);
    Ok(())
}

/// Compiles each source several times, past every cache; outcomes as of [`run`].
///
/// # Errors
/// As of [`run`].
pub fn compile(
    handle: &Arc<DeviceHandle>,
    scale: Scale,
    texts: &[KernelSource],
    each: impl FnMut(Outcome),
) -> Result<()> {
    let bench = bench(handle, scale)?;
    measure(&bench, texts.iter().map(overhead::compile_probe).collect(), each);
    Ok(())
}

fn bench(handle: &Arc<DeviceHandle>, scale: Scale) -> Result<Bench> {
    let scale = if handle.info().kind == DeviceKind::Emulated { Scale::Quick } else { scale };
    Bench::new(handle, scale)
}

fn measure(bench: &Bench, probes: Vec<Probe>, mut each: impl FnMut(Outcome)) {
    for Probe { group, name, measure } in probes {
        let result = measure(bench);
        each(Outcome { group, name, result });
    }
}

/// Every kernel of the benchmarks, for the gate that compiles all device source for every architecture.
pub fn requests() -> Vec<KernelRequest> {
    kernels::ALL.iter().map(kernels::Kernel::request).collect()
}
