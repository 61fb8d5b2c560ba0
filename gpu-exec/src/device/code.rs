//! A kernel as it is asked for and as it comes back: the types of the compile path.
//!
//! Not here: where compiled code is kept ([`super::code_cache`], [`super::disk_cache`]) or how it is made (the devices).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::backend::Kernel;
use super::{DeviceResult, KernelResources};

/// What threads of a kernel wait for. Declared by whoever wrote the source, so that the emulated device runs it as cheaply
/// as it can; it reports a wrong declaration as a fault naming the kernel. A GPU needs no declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SyncMode {
    /// Nothing: no barrier, no warp operation.
    None,
    /// Lanes of the own warp: warp operations, no block barrier.
    Warp,
    /// Threads of the own block.
    Block,
}

/// One kernel to compile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KernelRequest {
    /// Name of the entry point (`MAAR_KERNEL(entry, ...)`).
    pub entry: String,
    /// The translation unit after the library header.
    pub source: Arc<str>,
    pub sync: SyncMode,
}

/// What of a source decides its machine code: all but comments, which stand on lines of their own.
///
/// Those of generated source name the columns of one statement, and a statement of the same shape over other columns has
/// the same code: it must find it. So caches are keyed by this. The price: a profiler shows the names of the statement
/// that was compiled first; each statement's own source is in its report.
pub fn without_comments(source: &str) -> String {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Where a kernel's code was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeOrigin {
    /// In memory: this process has loaded it before.
    Memory,
    /// In the cache folder.
    Disk,
    /// Nowhere: it was compiled now.
    Compiled,
}

impl fmt::Display for CodeOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Compiled => "compiled",
        })
    }
}

/// An entry point that can be launched. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CompiledKernel {
    pub entry: String,
    /// Where this request found it.
    pub origin: CodeOrigin,
    /// Time this request spent compiling; zero where it was found.
    pub compile: Duration,
    pub(crate) code: Arc<dyn Kernel>,
}

impl CompiledKernel {
    /// Registers, spills and stack as the compiler reported them.
    pub fn resources(&self) -> KernelResources {
        self.code.resources()
    }

    /// Blocks of this shape that one multiprocessor runs at once.
    ///
    /// # Errors
    /// `Fault` where the driver refuses.
    pub(super) fn resident_blocks(&self, threads: u32, shared_bytes: u32) -> DeviceResult<u32> {
        self.code.resident_blocks(threads, shared_bytes)
    }
}
