//! The emulated device's queue: work is done when somebody waits for it, as late as a GPU might do it.
//!
//! So a buffer that is given back while work on it is still queued, a download that nobody waited for and a stream that
//! reads what another has not finished show here as they would there. A fault ends the queue it was met in.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::Mutex;

use super::super::backend::{DeviceStream, Mark};
use super::super::{CompiledKernel, DeviceError, DevicePtr, DeviceResult, Launch};
use super::launch::Job;
use super::{EmulatedKernel, State};

pub(super) struct EmulatedStream {
    state: Arc<State>,
    /// Taken whole while the work is done: of two threads that wait, the second waits for the first's.
    queue: Mutex<VecDeque<Work>>,
}

/// One thing to do.
enum Work {
    Upload { dst: DevicePtr, bytes: Vec<u8> },
    Fill { dst: DevicePtr, bytes: usize, value: u8 },
    Copy { dst: DevicePtr, src: DevicePtr, bytes: usize },
    Launch { job: Job, kernel: CompiledKernel, seed: Option<u64> },
    Mark(Arc<OnceLock<Instant>>),
}

impl EmulatedStream {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state, queue: Mutex::default() }
    }

    fn push(&self, work: Work) {
        self.queue.lock().push_back(work);
    }

    /// Does all that is queued.
    fn catch_up(&self) -> DeviceResult<()> {
        let mut queue = self.queue.lock();
        while let Some(work) = queue.pop_front() {
            if let Err(error) = self.perform(work) {
                queue.clear();
                return Err(error);
            }
        }
        Ok(())
    }

    fn perform(&self, work: Work) -> DeviceResult<()> {
        match work {
            Work::Upload { dst, bytes } => {
                // SAFETY: the caller checked the range against its buffer, whose memory is the host's, and a buffer
                // waits for its copies and fills before it goes.
                unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), dst.0 as *mut u8, bytes.len()) };
            }
            Work::Fill { dst, bytes, value } => {
                // SAFETY: as above.
                unsafe { ptr::write_bytes(dst.0 as *mut u8, value, bytes) };
            }
            Work::Copy { dst, src, bytes } => {
                // SAFETY: as above, for both ranges, which do not overlap.
                unsafe { ptr::copy_nonoverlapping(src.0 as *const u8, dst.0 as *mut u8, bytes) };
            }
            Work::Launch { job, kernel, seed } => {
                // SAFETY: the kernel holds the library of the entry, the parameter sizes agree, and who launched
                // vouches for the addresses.
                unsafe { self.state.workers.run(&job, &kernel.entry, self.state.worker_count, seed)? };
                self.check_zones(&format!("kernel `{}`", kernel.entry))?;
            }
            Work::Mark(time) => {
                let _ = time.set(Instant::now());
            }
        }
        Ok(())
    }

    /// Turns what the red zones show into an error.
    fn check_zones(&self, call: &str) -> DeviceResult<()> {
        let complaints = self.state.zones.complaints();
        if complaints.is_empty() { Ok(()) } else { Err(DeviceError::fault(call, complaints.join("; "))) }
    }
}

impl fmt::Debug for EmulatedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatedStream").field("state", &self.state).finish_non_exhaustive()
    }
}

impl DeviceStream for EmulatedStream {
    fn upload(&self, dst: DevicePtr, src: &[u8]) -> DeviceResult<()> {
        self.push(Work::Upload { dst, bytes: src.to_vec() });
        Ok(())
    }

    fn download(&self, ranges: Vec<(DevicePtr, &mut [u8])>) -> DeviceResult<()> {
        self.catch_up()?;
        self.check_zones("download")?;
        for (src, dst) in ranges {
            // SAFETY: the caller has checked the range against a buffer that it holds, whose memory is the host's.
            unsafe { ptr::copy_nonoverlapping(src.0 as *const u8, dst.as_mut_ptr(), dst.len()) };
        }
        Ok(())
    }

    fn fill(&self, dst: DevicePtr, bytes: usize, value: u8) -> DeviceResult<()> {
        self.push(Work::Fill { dst, bytes, value });
        Ok(())
    }

    fn copy(&self, dst: DevicePtr, src: DevicePtr, bytes: usize) -> DeviceResult<()> {
        self.push(Work::Copy { dst, src, bytes });
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
        self.push(Work::Launch { job, kernel: kernel.clone(), seed });
        Ok(())
    }

    fn begin(&self) -> DeviceResult<()> {
        self.catch_up()
    }

    fn synchronize(&self) -> DeviceResult<()> {
        self.catch_up()?;
        self.check_zones("synchronize")
    }

    fn time_mark(&self) -> DeviceResult<Box<dyn Mark>> {
        let time = Arc::new(OnceLock::new());
        self.push(Work::Mark(Arc::clone(&time)));
        Ok(Box::new(EmulatedMark(time)))
    }
}

#[derive(Debug)]
struct EmulatedMark(Arc<OnceLock<Instant>>);

impl Mark for EmulatedMark {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn elapsed_ms(&self, later: &dyn Mark) -> DeviceResult<f64> {
        let Some(later) = later.as_any().downcast_ref::<Self>() else {
            return Err(DeviceError::invalid("elapsed_ms", "the marks are of two kinds of device"));
        };
        match (self.0.get(), later.0.get()) {
            (Some(from), Some(to)) => Ok(to.saturating_duration_since(*from).as_secs_f64() * 1e3),
            _ => Err(DeviceError::fault("elapsed_ms", "a mark has not been passed: its stream was not waited for")),
        }
    }
}
