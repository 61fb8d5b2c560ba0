//! The emulated device's queue: everything has happened when the call returns.

use std::any::Any;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::super::backend::{DeviceStream, Mark};
use super::super::{CompiledKernel, DeviceError, DevicePtr, DeviceResult, Launch};
use super::launch::Job;
use super::{EmulatedKernel, State};

#[derive(Debug)]
pub(super) struct EmulatedStream {
    pub(super) state: Arc<State>,
}

impl EmulatedStream {
    /// Turns what the red zones show into an error.
    fn check_zones(&self, call: &str) -> DeviceResult<()> {
        let complaints = self.state.zones.complaints();
        if complaints.is_empty() { Ok(()) } else { Err(DeviceError::fault(call, complaints.join("; "))) }
    }
}

impl DeviceStream for EmulatedStream {
    fn upload(&self, dst: DevicePtr, src: &[u8]) -> DeviceResult<()> {
        // SAFETY: the caller has checked the range against its buffer, whose memory is the host's.
        unsafe { ptr::copy_nonoverlapping(src.as_ptr(), dst.0 as *mut u8, src.len()) };
        Ok(())
    }

    fn download(&self, src: DevicePtr, dst: &mut [u8]) -> DeviceResult<()> {
        self.check_zones("download")?;
        // SAFETY: as in `upload`.
        unsafe { ptr::copy_nonoverlapping(src.0 as *const u8, dst.as_mut_ptr(), dst.len()) };
        Ok(())
    }

    fn fill(&self, dst: DevicePtr, bytes: usize, value: u8) -> DeviceResult<()> {
        // SAFETY: as in `upload`.
        unsafe { ptr::write_bytes(dst.0 as *mut u8, value, bytes) };
        Ok(())
    }

    fn copy(&self, dst: DevicePtr, src: DevicePtr, bytes: usize) -> DeviceResult<()> {
        // SAFETY: as in `upload`, for both ranges, which do not overlap.
        unsafe { ptr::copy_nonoverlapping(src.0 as *const u8, dst.0 as *mut u8, bytes) };
        Ok(())
    }

    unsafe fn launch(&self, kernel: &CompiledKernel, launch: Launch, params: &[u64]) -> DeviceResult<()> {
        let call = || format!("launch of `{}`", kernel.entry);
        let Some(code) = kernel.code.as_any().downcast_ref::<EmulatedKernel>() else {
            return Err(DeviceError::invalid(call(), "the kernel was compiled for another kind of device"));
        };
        if size_of_val(params) as u64 != code.params_bytes {
            let (given, taken) = (size_of_val(params), code.params_bytes);
            return Err(DeviceError::invalid(call(), format!("{given} parameter bytes given, {taken} taken")));
        }
        let job =
            Job { entry: code.entry, params: params.to_vec(), sync: code.sync, launch, failed: AtomicBool::new(false) };
        let seed = self.state.seed.map(|seed| {
            let turn = self.state.launches.fetch_add(1, Ordering::Relaxed);
            seed.wrapping_add(turn.wrapping_mul(0xD134_2543_DE82_EF95))
        });
        // SAFETY: the library holds the entry, the parameter sizes agree, and the caller vouches for the addresses.
        unsafe { self.state.workers.run(&job, &kernel.entry, self.state.worker_count, seed)? };
        self.check_zones(&format!("kernel `{}`", kernel.entry))
    }

    fn synchronize(&self) -> DeviceResult<()> {
        self.check_zones("synchronize")
    }

    fn time_mark(&self) -> DeviceResult<Box<dyn Mark>> {
        Ok(Box::new(EmulatedMark(Instant::now())))
    }
}

#[derive(Debug)]
struct EmulatedMark(Instant);

impl Mark for EmulatedMark {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn elapsed_ms(&self, later: &dyn Mark) -> DeviceResult<f64> {
        let Some(later) = later.as_any().downcast_ref::<Self>() else {
            return Err(DeviceError::invalid("elapsed_ms", "the marks are of two kinds of device"));
        };
        Ok(later.0.saturating_duration_since(self.0).as_secs_f64() * 1e3)
    }
}
