//! The seam between what both devices share (accounting, caches, checks) and what each does its own way.
//!
//! Callers above this room never see these traits. Addresses and ranges reaching an implementation are checked already.
#![expect(unsafe_code, reason = "a launch cannot check the addresses it is given")]

use std::any::Any;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::{CompiledKernel, DeviceInfo, DevicePtr, DeviceResult, KernelRequest, KernelResources, Launch};

/// What a compiler made of one request: the bytes that are cached, and what it said.
#[derive(Clone, Debug)]
pub(crate) struct CodeImage {
    pub(crate) bytes: Vec<u8>,
    pub(crate) resources: KernelResources,
}

/// A loaded entry point. Each implementation casts its own back.
pub(crate) trait Kernel: Send + Sync + fmt::Debug {
    fn as_any(&self) -> &dyn Any;
    fn resources(&self) -> KernelResources;
    /// Blocks of this shape that one multiprocessor runs at once.
    fn resident_blocks(&self, threads: u32, shared_bytes: u32) -> DeviceResult<u32>;
}

/// One allocation, as its device keeps track of it.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub(crate) ptr: DevicePtr,
    /// Bytes the caller asked for.
    pub(crate) bytes: usize,
    /// Bytes it occupies, without red zones.
    pub(crate) occupied: usize,
    /// What asked for it.
    pub(crate) operation: Arc<str>,
}

/// One device.
pub(crate) trait Device: Send + Sync + fmt::Debug {
    fn info(&self) -> &DeviceInfo;
    /// Bytes kept free on either side of every allocation to catch writes outside it. A multiple of 256.
    fn red_zone_bytes(&self) -> usize;
    /// Memory for the arena to divide, 256-aligned.
    fn allocate_chunk(&self, bytes: u64) -> DeviceResult<DevicePtr>;
    fn free_chunk(&self, ptr: DevicePtr, bytes: u64);
    /// `region` is in use from now on.
    fn region_taken(&self, region: &Region);
    /// `region` is free again; its red zones are checked now.
    fn region_given_back(&self, region: &Region);
    /// Everything besides the request that decides what [`Device::compile`] makes: compiler, version, options, header.
    fn compiler_identity(&self) -> &str;
    /// How files of compiled code end.
    fn code_extension(&self) -> &'static str;
    fn compile(&self, request: &KernelRequest, scratch: &Path) -> DeviceResult<CodeImage>;
    /// `path` holds the image, perhaps with bytes after its end.
    fn load(&self, request: &KernelRequest, image: &CodeImage, path: &Path) -> DeviceResult<Arc<dyn Kernel>>;
    fn stream(&self) -> DeviceResult<Box<dyn DeviceStream>>;
    /// Page-locked host memory in bytes.
    fn pinned_bytes(&self) -> u64 {
        0
    }
}

/// An ordered queue of work on one device.
pub(crate) trait DeviceStream: Send + Sync + fmt::Debug {
    fn upload(&self, dst: DevicePtr, src: &[u8]) -> DeviceResult<()>;
    /// Copies each range; waits until all of them are filled. None is empty.
    fn download(&self, ranges: Vec<(DevicePtr, &mut [u8])>) -> DeviceResult<()>;
    fn fill(&self, dst: DevicePtr, bytes: usize, value: u8) -> DeviceResult<()>;
    fn copy(&self, dst: DevicePtr, src: DevicePtr, bytes: usize) -> DeviceResult<()>;
    /// # Safety
    /// As for [`super::Stream::launch`].
    unsafe fn launch(&self, kernel: &CompiledKernel, launch: Launch, params: &[u64]) -> DeviceResult<()>;
    /// Lets what is queued begin, where it would not before it is waited for.
    fn begin(&self) -> DeviceResult<()> {
        Ok(())
    }
    fn synchronize(&self) -> DeviceResult<()>;
    fn time_mark(&self) -> DeviceResult<Box<dyn Mark>>;
}

/// A point in a stream's work.
pub(crate) trait Mark: Send + Sync + fmt::Debug {
    fn as_any(&self) -> &dyn Any;
    /// Milliseconds from this mark to `later`, both passed.
    fn elapsed_ms(&self, later: &dyn Mark) -> DeviceResult<f64>;
}
