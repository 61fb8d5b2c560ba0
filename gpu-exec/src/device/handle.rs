//! An open device: the one object the rest of the crate holds.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::backend::Device;
use super::code_cache::CodeCache;
use super::counters::Counters;
use super::cuda::CudaDevice;
use super::disk_cache::DiskCache;
use super::emulated::EmulatedDevice;
use super::memory::Memory;
use super::{
    BLOCK_THREADS, CompiledKernel, CountersSnapshot, DeviceBuffer, DeviceChoice, DeviceInfo, DeviceOptions,
    DeviceResult, KernelRequest, MemoryUse, Reservation, Stream,
};

/// An open device. Shared by `Arc`; every method may be called from any thread.
#[derive(Debug)]
pub struct DeviceHandle {
    device: Arc<dyn Device>,
    memory: Arc<Memory>,
    code: CodeCache,
    counters: Arc<Counters>,
}

impl DeviceHandle {
    /// Opens the device.
    ///
    /// # Errors
    /// `Unavailable` where the device, its driver, its compiler or the cache folder is missing, with the remedy.
    pub fn open(choice: DeviceChoice, options: &DeviceOptions) -> DeviceResult<Arc<Self>> {
        let (device, free): (Arc<dyn Device>, u64) = match choice {
            DeviceChoice::Emulated => {
                let device = EmulatedDevice::open(options)?;
                let bytes = device.info().memory_bytes;
                (Arc::new(device), bytes)
            }
            DeviceChoice::Cuda { ordinal } => {
                let device = CudaDevice::open(ordinal)?;
                let bytes = device.default_budget()?;
                (Arc::new(device), bytes)
            }
        };
        let counters = Arc::new(Counters::default());
        let disk =
            DiskCache::open(&options.cache_dir_or_default()?, device.compiler_identity(), device.code_extension())?;
        Ok(Arc::new(Self {
            memory: Memory::new(Arc::clone(&device), options.memory_bytes.unwrap_or(free), options.arrangement()?),
            code: CodeCache::new(Arc::clone(&device), disk, Arc::clone(&counters)),
            counters,
            device,
        }))
    }

    /// What the device is.
    pub fn info(&self) -> &DeviceInfo {
        self.device.info()
    }

    /// `bytes` of device memory with undefined contents, aligned to 256 bytes. Zero bytes are allowed.
    ///
    /// # Errors
    /// `OutOfMemory` where the budget does not hold them even after the reclaimer was asked.
    pub fn alloc(&self, operation: &str, bytes: usize) -> DeviceResult<DeviceBuffer> {
        self.memory.alloc(operation, bytes)
    }

    /// Sets `bytes` aside, to be allocated later through the reservation.
    ///
    /// # Errors
    /// `OutOfMemory` as for [`DeviceHandle::alloc`].
    pub fn reserve(&self, operation: &str, bytes: u64) -> DeviceResult<Reservation> {
        self.memory.reserve(operation, bytes)
    }

    /// How much memory is in use.
    pub fn memory(&self) -> MemoryUse {
        self.memory.usage()
    }

    /// Raises `peak` to the most memory that is in use, from now on and as long as anybody holds it.
    pub fn watch_memory(&self, peak: &Arc<AtomicU64>) {
        self.memory.watch(peak);
    }

    /// Page-locked host memory that copies pass through, in bytes: it stays once it is there.
    pub fn pinned_bytes(&self) -> u64 {
        self.device.pinned_bytes()
    }

    /// While it rests, memory goes back to the driver as soon as nobody uses it.
    pub fn rest(&self, rests: bool) {
        self.memory.rest(rests);
    }

    /// For tests of what refusals lead to: refuses the requests for memory of these numbers, whatever room there is. They
    /// are counted from now on, from 0. Returns how many there were since the last call.
    pub fn refuse(&self, requests: Range<u64>) -> u64 {
        self.memory.refuse(requests)
    }

    /// Whom to ask for memory before a request is refused: a function from bytes needed to bytes freed. It may drop
    /// buffers of this device but must not ask it for memory, and is called until it frees nothing. The last one set holds;
    /// it must not own the device, which owns it.
    pub fn set_reclaimer(&self, reclaimer: Box<dyn Fn(u64) -> u64 + Send + Sync>) {
        self.memory.set_reclaimer(reclaimer);
    }

    /// A new, independent queue of work.
    ///
    /// # Errors
    /// `Fault` where the driver refuses.
    pub fn stream(&self) -> DeviceResult<Stream> {
        Ok(Stream::new(
            self.device.stream()?,
            self.info().clone(),
            Arc::clone(&self.memory),
            Arc::clone(&self.counters),
        ))
    }

    /// The kernels of `requests`, in order: from memory, from disk, or compiled now, misses in parallel.
    ///
    /// # Errors
    /// `Compile` with the compiler's words where the source is wrong; `Unavailable` where the cache cannot be written.
    pub fn kernels(&self, requests: &[KernelRequest]) -> DeviceResult<Vec<CompiledKernel>> {
        self.code.kernels(requests)
    }

    /// Blocks of a persistent grid, of [`BLOCK_THREADS`] threads each: as many as the device runs at once, no more than
    /// `useful`, and one at least.
    ///
    /// # Errors
    /// `Fault` where the driver refuses.
    pub fn persistent_blocks(&self, kernel: &CompiledKernel, shared_bytes: u32, useful: u64) -> DeviceResult<u32> {
        let a_multiprocessor = u64::from(kernel.resident_blocks(BLOCK_THREADS, shared_bytes)?.max(1));
        let resident = a_multiprocessor * u64::from(self.info().multiprocessors.max(1));
        Ok(u32::try_from(useful.clamp(1, resident)).unwrap_or(u32::MAX))
    }

    /// What was done since the device was opened.
    pub fn counters(&self) -> CountersSnapshot {
        self.counters.snapshot()
    }
}
