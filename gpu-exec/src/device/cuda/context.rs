//! The driver: asked for before it is called, and its context, current on whichever thread calls.

use std::sync::Arc;

use cudarc::driver::{result, sys};

use super::super::{DeviceError, DeviceInfo, DeviceKind, DeviceResult, bandwidth};

const REMEDY: &str = "Install NVIDIA's driver (it brings libcuda.so.1), or run with `--device cpu`";

/// Faults of a kernel after which every further call fails: only a new process has a working context.
const LOSES_CONTEXT: [sys::CUresult; 11] = [
    sys::CUresult::CUDA_ERROR_ASSERT,
    sys::CUresult::CUDA_ERROR_ECC_UNCORRECTABLE,
    sys::CUresult::CUDA_ERROR_HARDWARE_STACK_ERROR,
    sys::CUresult::CUDA_ERROR_ILLEGAL_ADDRESS,
    sys::CUresult::CUDA_ERROR_ILLEGAL_INSTRUCTION,
    sys::CUresult::CUDA_ERROR_MISALIGNED_ADDRESS,
    sys::CUresult::CUDA_ERROR_INVALID_ADDRESS_SPACE,
    sys::CUresult::CUDA_ERROR_INVALID_PC,
    sys::CUresult::CUDA_ERROR_NVLINK_UNCORRECTABLE,
    sys::CUresult::CUDA_ERROR_LAUNCH_FAILED,
    sys::CUresult::CUDA_ERROR_LAUNCH_TIMEOUT,
];

/// A call of the driver that failed, in words.
pub(super) fn failed(call: &str) -> impl FnOnce(result::DriverError) -> DeviceError + '_ {
    move |error| {
        let lost =
            if LOSES_CONTEXT.contains(&error.0) { "; the device cannot be used again in this process" } else { "" };
        DeviceError::fault(call, describe(error) + lost)
    }
}

fn describe(error: result::DriverError) -> String {
    let text = |part: Result<&std::ffi::CStr, _>| part.map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    format!("{} ({})", text(error.error_name()), text(error.error_string()))
}

/// Loads the driver's library. Asked first, because cudarc panics where it is absent.
pub(super) fn load() -> DeviceResult<()> {
    // SAFETY: only tries to load the library.
    match unsafe { sys::is_culib_present() } {
        true => Ok(()),
        false => Err(DeviceError::unavailable("libcuda, NVIDIA's driver library, is not found", REMEDY)),
    }
}

/// Loads and initialises the driver.
pub(super) fn init() -> DeviceResult<()> {
    load()?;
    result::init().map_err(|error| {
        DeviceError::unavailable(
            format!("the NVIDIA driver does not start: {}", describe(error)),
            "Check that `nvidia-smi` lists a GPU; in a container, start it with the GPU passed through",
        )
    })
}

/// The CUDA version of the driver, (major, minor); it need not be initialised.
pub(super) fn driver_version() -> DeviceResult<(i32, i32)> {
    let mut version = 0;
    // SAFETY: an out-parameter; needs no context.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }.result().map_err(failed("cuDriverGetVersion"))?;
    Ok((version / 1000, version % 1000 / 10))
}

/// All GPUs, in the driver's order.
pub(super) fn gpus() -> DeviceResult<Vec<DeviceInfo>> {
    let count = result::device::get_count().map_err(failed("cuDeviceGetCount"))?;
    (0..usize::try_from(count).unwrap_or(0)).map(info).collect()
}

fn device(ordinal: usize) -> DeviceResult<sys::CUdevice> {
    let number = i32::try_from(ordinal).map_err(|e| DeviceError::invalid("cuDeviceGet", e.to_string()))?;
    result::device::get(number).map_err(|error| {
        let count = result::device::get_count().unwrap_or(0);
        DeviceError::unavailable(
            format!("there is no GPU {ordinal}: {}", describe(error)),
            format!("The driver shows {count}, counted from 0; CUDA_VISIBLE_DEVICES may hide others"),
        )
    })
}

/// What GPU `ordinal` is.
pub(super) fn info(ordinal: usize) -> DeviceResult<DeviceInfo> {
    use sys::CUdevice_attribute_enum as A;
    let device = device(ordinal)?;
    let attribute = |which: A| {
        // SAFETY: the device came from the driver.
        let value = unsafe { result::device::get_attribute(device, which) }.map_err(failed("cuDeviceGetAttribute"))?;
        u32::try_from(value).map_err(|e| DeviceError::fault("cuDeviceGetAttribute", e.to_string()))
    };
    let major = attribute(A::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
    let minor = attribute(A::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
    // Newer drivers may stop telling the clock: that is no reason to refuse the device.
    let clock = attribute(A::CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE).unwrap_or(0);
    let bus = attribute(A::CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH).unwrap_or(0);
    Ok(DeviceInfo {
        kind: DeviceKind::Cuda,
        ordinal,
        name: result::device::get_name(device).map_err(failed("cuDeviceGetName"))?,
        compute_capability: 10 * major + minor,
        multiprocessors: attribute(A::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
        // SAFETY: as above.
        memory_bytes: unsafe { result::device::total_mem(device) }.map_err(failed("cuDeviceTotalMem"))? as u64,
        shared_bytes_max: attribute(A::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?,
        bandwidth: bandwidth(clock, bus),
    })
}

/// A retained primary context.
#[derive(Debug)]
pub(super) struct Context {
    device: sys::CUdevice,
    context: sys::CUcontext,
}

// SAFETY: a context may be made current on any thread, on several at once; that is all this does with it.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Context {
    pub(super) fn retain(ordinal: usize) -> DeviceResult<Arc<Self>> {
        let device = device(ordinal)?;
        // SAFETY: the device came from the driver; released in drop.
        let context = unsafe { result::primary_ctx::retain(device) }.map_err(failed("cuDevicePrimaryCtxRetain"))?;
        Ok(Arc::new(Self { device, context }))
    }

    /// Makes it current on this thread: before every call that acts on a device.
    pub(super) fn bind(&self) -> DeviceResult<()> {
        // SAFETY: retained until drop.
        unsafe { result::ctx::set_current(self.context) }.map_err(failed("cuCtxSetCurrent"))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: retained once, released once; what lives in it holds this value and is gone.
        let _ = unsafe { result::primary_ctx::release(self.device) };
    }
}
