//! A real GPU, through the driver API and NVRTC, both loaded at run time: nothing of CUDA is needed to build.
#![expect(unsafe_code, reason = "the driver's and NVRTC's C interfaces")]

mod carriers;
mod context;
mod nvrtc;
mod nvrtc_search;
mod pinned;
mod ptxas_log;
mod stream;

use std::any::Any;
use std::ffi::CString;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use cudarc::driver::{result, sys};

use self::context::{Context, failed};
use self::pinned::PinnedRing;
use self::stream::CudaStream;
use super::backend::{CodeImage, Device, DeviceStream, Kernel, Region};
use super::{DeviceError, DeviceInfo, DevicePtr, DeviceResult, KernelRequest, KernelResources, parallel};

pub(crate) use self::nvrtc::Nvrtc;

/// Staging slots for copies up to the size of one: most copies are parameters, counts and small results.
const SMALL_SLOT: (usize, usize) = (64 << 10, 32);
/// Staging slots for the rest: long enough for the copy engine's full speed, enough for every thread that carries a piece.
const LARGE_SLOT: (usize, usize) = (4 << 20, 16);
/// The part of free memory that is the budget, in percent.
const BUDGET_PERCENT: u64 = 90;

/// The staging memory of one device.
#[derive(Debug)]
pub(super) struct Rings {
    small: PinnedRing,
    large: PinnedRing,
}

impl Rings {
    fn for_bytes(&self, bytes: usize) -> &PinnedRing {
        if bytes <= self.small.slot_bytes() { &self.small } else { &self.large }
    }
}

/// A GPU whose driver has started.
struct Gpu {
    info: DeviceInfo,
    context: Arc<Context>,
}

impl Gpu {
    fn start(ordinal: usize) -> DeviceResult<Self> {
        context::init()?;
        Ok(Self { info: context::info(ordinal)?, context: Context::retain(ordinal)? })
    }
}

/// The thread that allocates the large slots ahead of the first load: the system takes milliseconds to lock the pages of
/// each. Ends before the device does.
#[derive(Debug)]
struct Staging(JoinHandle<()>);

impl Staging {
    /// Without a thread, slots are allocated when they are asked for.
    fn prepare(rings: &Arc<Rings>) -> Option<Self> {
        let rings = Arc::clone(rings);
        let fill = move || rings.large.fill();
        thread::Builder::new().name("maar-staging".to_owned()).spawn(fill).ok().map(Self)
    }
}

#[derive(Debug)]
pub(super) struct CudaDevice {
    info: DeviceInfo,
    context: Arc<Context>,
    rings: Arc<Rings>,
    /// Joined when the device is dropped.
    staging: Option<Staging>,
    nvrtc: Nvrtc,
    /// What code is compiled for.
    arch: u32,
    identity: String,
}

impl CudaDevice {
    /// Opens GPU `ordinal`. The driver starts while NVRTC is looked for: each takes some hundred milliseconds.
    pub(super) fn open(ordinal: usize) -> DeviceResult<Self> {
        context::load()?;
        let driver = context::driver_version()?.0;
        let (gpu, nvrtc) = thread::scope(|scope| {
            let nvrtc = scope.spawn(|| Nvrtc::find(Some(driver)));
            (Gpu::start(ordinal), nvrtc.join())
        });
        let Gpu { info, context } = gpu?;
        let nvrtc = nvrtc.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let arch = nvrtc.architecture(info.compute_capability)?;
        let ring = |(bytes, slots)| PinnedRing::new(Arc::clone(&context), bytes, slots);
        let rings = Arc::new(Rings { small: ring(SMALL_SLOT), large: ring(LARGE_SLOT) });
        let identity = nvrtc.identity(arch);
        let staging = Staging::prepare(&rings);
        Ok(Self { info, context, rings, staging, nvrtc, arch, identity })
    }

    /// The budget where none is set: most of what is free now.
    pub(super) fn default_budget(&self) -> DeviceResult<u64> {
        self.context.bind()?;
        let (free, _total) = result::mem_get_info().map_err(failed("cuMemGetInfo"))?;
        Ok(free as u64 / 100 * BUDGET_PERCENT)
    }
}

impl Device for CudaDevice {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn red_zone_bytes(&self) -> usize {
        0
    }

    fn allocate_chunk(&self, bytes: u64) -> DeviceResult<DevicePtr> {
        self.context.bind()?;
        // SAFETY: fresh memory, freed by `free_chunk`.
        unsafe { result::malloc_sync(bytes as usize) }.map(DevicePtr).map_err(failed("cuMemAlloc"))
    }

    fn free_chunk(&self, ptr: DevicePtr, _bytes: u64) {
        if self.context.bind().is_ok() {
            // SAFETY: a chunk of `allocate_chunk`, whose buffers have all been dropped; the driver waits for its users.
            let _ = unsafe { result::free_sync(ptr.0) };
        }
    }

    fn region_taken(&self, _region: &Region) {}

    fn region_given_back(&self, _region: &Region) {}

    fn compiler_identity(&self) -> &str {
        &self.identity
    }

    fn code_extension(&self) -> &'static str {
        "cubin"
    }

    fn compile(&self, request: &KernelRequest, _scratch: &Path) -> DeviceResult<CodeImage> {
        self.nvrtc.compile(request, self.arch)
    }

    fn load(&self, request: &KernelRequest, image: &CodeImage, _path: &Path) -> DeviceResult<Arc<dyn Kernel>> {
        Ok(Arc::new(CudaKernel::load(self, request, image)?))
    }

    fn stream(&self) -> DeviceResult<Box<dyn DeviceStream>> {
        Ok(Box::new(CudaStream::new(Arc::clone(&self.context), Arc::clone(&self.rings))?))
    }

    fn pinned_bytes(&self) -> u64 {
        self.rings.small.bytes() + self.rings.large.bytes()
    }
}

impl Drop for CudaDevice {
    fn drop(&mut self) {
        if let Some(Staging(thread)) = self.staging.take() {
            // It has no panic to tell of that matters now.
            let _ = thread.join();
        }
    }
}

/// An entry point in a loaded module.
#[derive(Debug)]
struct CudaKernel {
    function: sys::CUfunction,
    module: sys::CUmodule,
    context: Arc<Context>,
    resources: KernelResources,
}

// SAFETY: functions and modules may be used from any thread while their context is current.
unsafe impl Send for CudaKernel {}
// SAFETY: as above.
unsafe impl Sync for CudaKernel {}

impl CudaKernel {
    fn load(device: &CudaDevice, request: &KernelRequest, image: &CodeImage) -> DeviceResult<Self> {
        use sys::CUfunction_attribute_enum as A;
        let call = format!("load of `{}`", request.entry);
        let name = CString::new(request.entry.as_str()).map_err(|e| DeviceError::invalid(&call, e.to_string()))?;
        device.context.bind()?;
        // SAFETY: the image is a whole cubin, which says its own length; the driver copies it.
        let module = unsafe { result::module::load_data(image.bytes.as_ptr().cast()) }.map_err(failed(&call))?;
        let mut kernel = Self {
            function: std::ptr::null_mut(),
            module,
            context: Arc::clone(&device.context),
            resources: image.resources,
        };
        // SAFETY: the module is loaded and is unloaded only when the kernel is dropped.
        unsafe {
            kernel.function = result::module::get_function(module, name).map_err(failed(&call))?;
            // Once for all launches: without it a block may have 48 KB.
            let most = i32::try_from(device.info.shared_bytes_max).unwrap_or(i32::MAX);
            let attribute = A::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            result::function::set_function_attribute(kernel.function, attribute, most).map_err(failed(&call))?;
        }
        Ok(kernel)
    }
}

impl Kernel for CudaKernel {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn resources(&self) -> KernelResources {
        self.resources
    }

    fn resident_blocks(&self, threads: u32, shared_bytes: u32) -> DeviceResult<u32> {
        self.context.bind()?;
        // SAFETY: the function is loaded.
        let blocks = unsafe {
            result::occupancy::max_active_block_per_multiprocessor(self.function, threads as i32, shared_bytes as usize)
        };
        let blocks = blocks.map_err(failed("cuOccupancyMaxActiveBlocksPerMultiprocessor"))?;
        Ok(u32::try_from(blocks).unwrap_or(0))
    }
}

impl Drop for CudaKernel {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // A launch of it may still run: who launched need not hold the kernel, and nothing says that unloading waits.
            let _ = result::ctx::synchronize();
            // SAFETY: loaded once, unloaded once, and nothing runs any more.
            let _ = unsafe { result::module::unload(self.module) };
        }
    }
}

/// The driver's CUDA version, in words.
pub(super) fn describe_driver() -> DeviceResult<String> {
    context::init()?;
    let (major, minor) = context::driver_version()?;
    Ok(format!("NVIDIA driver of CUDA {major}.{minor}"))
}

/// All GPUs the driver shows.
pub(super) fn gpus() -> DeviceResult<Vec<DeviceInfo>> {
    context::init()?;
    context::gpus()
}

/// NVRTC as a device would find it, in words.
pub(super) fn describe_nvrtc() -> DeviceResult<String> {
    let driver = context::init().and_then(|()| context::driver_version()).ok();
    Nvrtc::find(driver.map(|(major, _)| major)).map(|nvrtc| nvrtc.describe())
}

/// Compiles every request for `sm_<compute_capability>`, in order, and says what each kernel takes. Needs NVRTC and no
/// GPU: the gate that all device source has to pass.
///
/// # Errors
/// `Compile` with the compiler's words for the first that fails; `Unavailable` where NVRTC is missing or does not know
/// the architecture.
pub fn nvrtc_check(requests: &[KernelRequest], compute_capability: u32) -> DeviceResult<Vec<KernelResources>> {
    let nvrtc = Nvrtc::find(None)?;
    let arch = nvrtc.architecture(compute_capability)?;
    parallel::map(requests, |request| nvrtc.compile(request, arch).map(|image| image.resources)).into_iter().collect()
}
