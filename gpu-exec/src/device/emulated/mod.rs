//! The emulated device: the same device source, compiled by the host's C++ compiler and run on fibers.
//!
//! A test instrument, asked for by name. It is exact about what a GPU leaves undefined: poisoned memory, red zones,
//! divergent synchronisation, misaligned wide loads, wild addresses, work that is done late. It shows neither weak
//! memory ordering nor speed. With separate buffers every allocation ends at a page that cannot be read, and given-back
//! memory cannot either, for as long as the device is open: accesses that a red zone does not see fault.
#![expect(unsafe_code, reason = "fibers, signal handlers and memory shared with C++ device code")]

mod calls;
mod compiler;
mod fences;
mod fiber;
mod lane;
mod launch;
mod random;
mod red_zones;
mod shared_memory;
mod signals;
mod stream;
mod worker;

use std::any::Any;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use libloading::Library;

use self::fences::Fences;
use self::launch::{Entry, WorkerPool};
use self::red_zones::{RedZones, ZONE_BYTES};
use self::stream::EmulatedStream;
use super::backend::{CodeImage, Device, DeviceStream, Kernel, Region};
use super::memory::Arrangement;
use super::{
    DeviceError, DeviceInfo, DeviceKind, DeviceOptions, DevicePtr, DeviceResult, KernelRequest, KernelResources,
    SyncMode, bandwidth,
};

pub(crate) use self::compiler::HostCompiler;

/// The budget where none is set.
const MEMORY_BYTES: u64 = 2 << 30;
/// Few, so that persistent grids stay small.
const MULTIPROCESSORS: u32 = 4;
/// As few as make a grid of several blocks a multiprocessor.
const RESIDENT_BLOCKS: u32 = 2;
/// What GPUs of compute capability 8.6, 8.9 and 12.0 have: the least of those since 8.0.
const SHARED_BYTES_MAX: u32 = 99 << 10;

#[derive(Debug)]
pub(super) struct EmulatedDevice {
    info: DeviceInfo,
    compiler: HostCompiler,
    state: Arc<State>,
}

/// What the device's streams share.
pub(super) struct State {
    /// Where every allocation is one buffer, between pages that fault. Streams keep it: they may hold late work.
    fences: Option<Fences>,
    zones: RedZones,
    workers: WorkerPool,
    worker_count: usize,
    seed: Option<u64>,
    launches: AtomicU64,
}

impl EmulatedDevice {
    pub(super) fn open(options: &DeviceOptions) -> DeviceResult<Self> {
        let compiler = HostCompiler::find()?;
        signals::install();
        let info = DeviceInfo {
            kind: DeviceKind::Emulated,
            ordinal: 0,
            name: format!("emulated ({})", compiler.version),
            compute_capability: 0,
            multiprocessors: MULTIPROCESSORS,
            memory_bytes: options.memory_bytes.unwrap_or(MEMORY_BYTES),
            shared_bytes_max: SHARED_BYTES_MAX,
            bandwidth: bandwidth(0, 0),
        };
        let fenced = options.arrangement()? == Arrangement::Separate;
        let state = State {
            fences: fenced.then(Fences::default),
            zones: RedZones::new(if fenced { 0 } else { ZONE_BYTES }),
            workers: WorkerPool::default(),
            worker_count: options.emulator_workers,
            seed: options.seed()?,
            launches: AtomicU64::new(0),
        };
        Ok(Self { info, compiler, state: Arc::new(state) })
    }
}

impl Device for EmulatedDevice {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn red_zone_bytes(&self) -> usize {
        if self.state.fences.is_some() { 0 } else { ZONE_BYTES }
    }

    fn allocate_chunk(&self, bytes: u64) -> DeviceResult<DevicePtr> {
        let refused = |why: String| DeviceError::fault("allocate_chunk", why);
        let length = usize::try_from(bytes).map_err(|e| refused(e.to_string()))?;
        let address = match &self.state.fences {
            Some(fences) => fences.map(length),
            None => fences::map_plain(length),
        };
        address.map(|address| DevicePtr(address as u64)).map_err(|error| refused(error.to_string()))
    }

    fn free_chunk(&self, ptr: DevicePtr, bytes: u64) {
        // SAFETY: a mapping of `allocate_chunk`, whose buffers have all been dropped.
        unsafe {
            match &self.state.fences {
                Some(fences) => fences.unmap(ptr.0 as usize, bytes as usize),
                None => fences::unmap_plain(ptr.0 as usize, bytes as usize),
            }
        }
    }

    fn region_taken(&self, region: &Region) {
        self.state.zones.taken(region);
    }

    fn region_given_back(&self, region: &Region) {
        self.state.zones.given_back(region);
    }

    fn compiler_identity(&self) -> &str {
        self.compiler.identity()
    }

    fn code_extension(&self) -> &'static str {
        "so"
    }

    fn compile(&self, request: &KernelRequest, scratch: &Path) -> DeviceResult<CodeImage> {
        self.compiler.compile(request, scratch)
    }

    fn load(&self, request: &KernelRequest, _image: &CodeImage, path: &Path) -> DeviceResult<Arc<dyn Kernel>> {
        Ok(Arc::new(EmulatedKernel::load(request, path)?))
    }

    fn stream(&self) -> DeviceResult<Box<dyn DeviceStream>> {
        Ok(Box::new(EmulatedStream::new(Arc::clone(&self.state))))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("workers", &self.worker_count).field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// An entry point in a loaded library.
#[derive(Debug)]
struct EmulatedKernel {
    entry: Entry,
    params_bytes: u64,
    sync: SyncMode,
    /// Keeps `entry` mapped.
    _library: Library,
}

impl EmulatedKernel {
    fn load(request: &KernelRequest, path: &Path) -> DeviceResult<Self> {
        let name = &request.entry;
        let failed = |e: libloading::Error| DeviceError::fault(format!("load of `{name}`"), e.to_string());
        // SAFETY: our own library: no initialisers, and the shim's macro gives both symbols the types asked for here.
        unsafe {
            let library = Library::new(path).map_err(failed)?;
            let entry = *library.get::<Entry>(name.as_bytes()).map_err(failed)?;
            let params_bytes =
                **library.get::<*const u64>(format!("{name}_params_bytes").as_bytes()).map_err(failed)?;
            Ok(Self { entry, params_bytes, sync: request.sync, _library: library })
        }
    }
}

impl Kernel for EmulatedKernel {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn resources(&self) -> KernelResources {
        KernelResources::default()
    }

    fn resident_blocks(&self, _threads: u32, _shared_bytes: u32) -> DeviceResult<u32> {
        Ok(RESIDENT_BLOCKS)
    }
}
