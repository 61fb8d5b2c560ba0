//! A queue of work on a device: copies and launches that run one after another, and waiting for them.
//!
//! Ranges and shapes are checked here, for both devices.
#![expect(unsafe_code, reason = "a launch cannot check the addresses it is given")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use super::backend::{DeviceStream, Mark};
use super::busy::Busy;
use super::counters::Counters;
use super::memory::Memory;
use super::{
    BLOCK_THREADS, CompiledKernel, DeviceBuffer, DeviceError, DeviceInfo, DeviceResult, Launch, PARAMETER_BYTES_MAX,
    WARP_THREADS,
};
use crate::trace::Trace;

/// A queue of work. Dropping it waits for what is in it.
#[derive(Debug)]
pub struct Stream {
    queue: Arc<Queue>,
    info: DeviceInfo,
    memory: Arc<Memory>,
    /// Of a query that has a trace.
    busy: Option<Busy>,
}

/// The work itself, and how much of it is known to be done.
#[derive(Debug)]
struct Queue {
    work: Box<dyn DeviceStream>,
    /// Copies and fills queued so far, and how many of them have been waited for.
    queued: AtomicU64,
    done: AtomicU64,
    /// Whether nothing was queued since the last wait: then to wait is none. For the counters alone.
    is_idle: AtomicBool,
    waits: AtomicU64,
    counters: Arc<Counters>,
}

impl Queue {
    /// The work, to queue some more of it.
    fn work(&self) -> &dyn DeviceStream {
        self.is_idle.store(false, Ordering::Relaxed);
        &*self.work
    }

    fn count_wait(&self) {
        if !self.is_idle.swap(true, Ordering::Relaxed) {
            self.waits.fetch_add(1, Ordering::Relaxed);
            self.counters.waited();
        }
    }

    fn synchronize(&self) -> DeviceResult<()> {
        self.count_wait();
        let queued = self.queued.load(Ordering::Acquire);
        self.work.synchronize()?;
        self.done.fetch_max(queued, Ordering::AcqRel);
        Ok(())
    }
}

/// A copy or fill that uses a buffer and may not be done.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Gone with its stream, which waits in its own drop.
    queue: Weak<Queue>,
    number: u64,
}

impl Pending {
    /// The queue, unless the work is known to be done.
    fn open(&self) -> Option<Arc<Queue>> {
        self.queue.upgrade().filter(|queue| queue.done.load(Ordering::Acquire) < self.number)
    }

    /// Whether waiting for `later` waits for this too, or nothing is left to wait for.
    pub(crate) fn is_covered_by(&self, later: &Self) -> bool {
        Weak::ptr_eq(&self.queue, &later.queue) || self.open().is_none()
    }

    pub(crate) fn wait(&self) {
        if let Some(queue) = self.open() {
            // Nobody is left to tell; a GPU reports a fault again on every later call.
            let _ = queue.synchronize();
        }
    }
}

/// A range of a buffer, and where it goes on the host.
#[derive(Debug)]
pub struct Download<'a> {
    pub src: &'a DeviceBuffer,
    /// In bytes; as many are copied as `dst` has.
    pub offset: usize,
    pub dst: &'a mut [u8],
}

impl Stream {
    pub(crate) fn new(
        queue: Box<dyn DeviceStream>,
        info: DeviceInfo,
        memory: Arc<Memory>,
        counters: Arc<Counters>,
    ) -> Self {
        let queue = Queue {
            work: queue,
            queued: AtomicU64::new(0),
            done: AtomicU64::new(0),
            is_idle: AtomicBool::new(true),
            waits: AtomicU64::new(0),
            counters,
        };
        Self { queue: Arc::new(queue), info, memory, busy: None }
    }

    /// The same, with its work in the trace of a query.
    #[must_use]
    pub fn traced(mut self, trace: &Arc<Trace>) -> Self {
        self.busy = Some(Busy::new(trace));
        self
    }

    /// Notes that the work just queued, or what of it was, uses the buffer. Not before: a wait of another thread could
    /// then count as done what is not queued yet.
    fn uses(&self, buffer: &DeviceBuffer) {
        let number = self.queue.queued.fetch_add(1, Ordering::AcqRel) + 1;
        buffer.note(Pending { queue: Arc::downgrade(&self.queue), number });
    }

    /// Queues a copy of `src` to `dst` from byte `offset`. `src` may be reused on return.
    ///
    /// # Errors
    /// `InvalidCall` where it does not fit, `Fault` from the driver.
    pub fn upload(&self, dst: &DeviceBuffer, offset: usize, src: &[u8]) -> DeviceResult<()> {
        let to = self.range("upload", dst, offset, src.len())?;
        if src.is_empty() {
            return Ok(());
        }
        self.queue.counters.uploaded(src.len());
        self.busy.iter().for_each(|busy| busy.uploads(src.len()));
        let queued = self.queue.work().upload(to, src);
        self.uses(dst);
        queued
    }

    /// Copies from `src`, from byte `offset`, to the host, and waits for it and all that is queued before.
    ///
    /// # Errors
    /// `InvalidCall` where the range lies outside, `Fault` of any work queued before.
    pub fn download(&self, src: &DeviceBuffer, offset: usize, dst: &mut [u8]) -> DeviceResult<()> {
        self.download_all([Download { src, offset, dst }])
    }

    /// Copies several ranges to the host, and waits once: for them and all that is queued before.
    ///
    /// # Errors
    /// As [`Stream::download`].
    pub fn download_all<'a>(&self, ranges: impl IntoIterator<Item = Download<'a>>) -> DeviceResult<()> {
        let from = |range: Download<'a>| -> DeviceResult<(super::DevicePtr, &'a mut [u8])> {
            Ok((self.range("download", range.src, range.offset, range.dst.len())?, range.dst))
        };
        let mut ranges = ranges.into_iter().map(from).collect::<DeviceResult<Vec<_>>>()?;
        ranges.retain(|(_, dst)| !dst.is_empty());
        if ranges.is_empty() {
            return self.synchronize();
        }
        self.queue.counters.downloaded(ranges.iter().map(|(_, dst)| dst.len()).sum());
        let queued = self.queue.queued.load(Ordering::Acquire);
        let bytes = ranges.iter().map(|(_, dst)| dst.len()).sum();
        let work = self.queue.work();
        self.queue.count_wait();
        match &self.busy {
            Some(busy) => busy.downloads(bytes, || work.download(ranges)),
            None => work.download(ranges),
        }?;
        self.queue.done.fetch_max(queued, Ordering::AcqRel);
        Ok(())
    }

    /// Queues setting `bytes` bytes from `offset` to `value`.
    ///
    /// # Errors
    /// As [`Stream::upload`].
    pub fn fill(&self, dst: &DeviceBuffer, offset: usize, bytes: usize, value: u8) -> DeviceResult<()> {
        let to = self.range("fill", dst, offset, bytes)?;
        if bytes == 0 {
            return Ok(());
        }
        let queued = self.queue.work().fill(to, bytes, value);
        self.uses(dst);
        queued
    }

    /// Queues a copy on the device. The ranges must not overlap.
    ///
    /// # Errors
    /// As [`Stream::upload`].
    pub fn copy(
        &self,
        dst: &DeviceBuffer,
        dst_offset: usize,
        src: &DeviceBuffer,
        src_offset: usize,
        bytes: usize,
    ) -> DeviceResult<()> {
        let to = self.range("copy to", dst, dst_offset, bytes)?;
        let from = self.range("copy from", src, src_offset, bytes)?;
        if to.0.abs_diff(from.0) < bytes as u64 {
            return Err(DeviceError::invalid("copy", format!("source and target overlap in `{}`", dst.operation())));
        }
        if bytes == 0 {
            return Ok(());
        }
        let queued = self.queue.work().copy(to, from, bytes);
        self.uses(dst);
        self.uses(src);
        queued
    }

    /// Queues a launch. `params` are the words of the kernel's parameter struct.
    ///
    /// # Errors
    /// `InvalidCall` for a shape the device lacks, `Fault` where the launch is refused. Faults of the kernel itself may
    /// come from a later call.
    ///
    /// # Safety
    /// `params` are those of this kernel: every address in them is of live device memory that the kernel may use as it
    /// does, until the stream has been synchronised; and no other work in flight races with it.
    pub unsafe fn launch(&self, kernel: &CompiledKernel, launch: Launch, params: &[u64]) -> DeviceResult<()> {
        self.check_launch(kernel, launch, params)?;
        self.queue.counters.launched();
        self.busy.iter().for_each(Busy::launches);
        // SAFETY: the caller's promise is this function's own.
        unsafe { self.queue.work().launch(kernel, launch, params) }
    }

    /// Waits for all that is queued.
    ///
    /// # Errors
    /// `Fault` of any of it.
    pub fn synchronize(&self) -> DeviceResult<()> {
        let done = self.queue.synchronize();
        self.busy.iter().for_each(Busy::is_done);
        done
    }

    /// Lets what is queued begin: before something else is waited for that it could run beside. A GPU has begun already.
    ///
    /// # Errors
    /// `Fault` of any of it, where that is known.
    pub fn begin(&self) -> DeviceResult<()> {
        self.queue.work.begin()
    }

    /// How often it was waited for while it had something to do.
    pub fn waits(&self) -> u64 {
        self.queue.waits.load(Ordering::Relaxed)
    }

    /// Queues a mark whose time is taken when the work before it is done.
    ///
    /// # Errors
    /// `Fault` from the driver.
    pub fn time_mark(&self) -> DeviceResult<TimeMark> {
        Ok(TimeMark { mark: self.queue.work().time_mark()? })
    }

    fn range(&self, call: &str, buffer: &DeviceBuffer, offset: usize, bytes: usize) -> DeviceResult<super::DevicePtr> {
        if !buffer.belongs_to(&self.memory) {
            return Err(DeviceError::invalid(call, format!("`{}` is of another device", buffer.operation())));
        }
        buffer.range(call, offset, bytes)
    }

    fn check_launch(&self, kernel: &CompiledKernel, launch: Launch, params: &[u64]) -> DeviceResult<()> {
        let Launch { blocks, threads, shared_bytes } = launch;
        let complaint = if blocks == 0 || blocks > i32::MAX as u32 {
            format!("{blocks} blocks (1 to 2147483647 are possible)")
        } else if threads == 0 || threads > BLOCK_THREADS || !threads.is_multiple_of(WARP_THREADS) {
            format!("{threads} threads a block (a multiple of {WARP_THREADS} up to {BLOCK_THREADS} is possible)")
        } else if shared_bytes > self.info.shared_bytes_max {
            format!("{shared_bytes} bytes of shared memory (the device has {} a block)", self.info.shared_bytes_max)
        } else if params.is_empty() || size_of_val(params) > PARAMETER_BYTES_MAX {
            format!("{} parameter bytes (8 to {PARAMETER_BYTES_MAX} are possible)", size_of_val(params))
        } else {
            return Ok(());
        };
        Err(DeviceError::invalid(format!("launch of `{}`", kernel.entry), complaint))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Nobody is left to tell. A GPU reports a fault again on every later call; the emulated device has reported it
        // from the launch itself.
        let _ = self.synchronize();
    }
}

/// A point in a stream's work.
#[derive(Debug)]
pub struct TimeMark {
    mark: Box<dyn Mark>,
}

impl TimeMark {
    /// Milliseconds of device time from this mark to `later`; the stream has been synchronised after both.
    ///
    /// # Errors
    /// `Fault` where a mark has not been passed, `InvalidCall` where they are of two kinds of device.
    pub fn elapsed_ms(&self, later: &Self) -> DeviceResult<f64> {
        self.mark.elapsed_ms(&*later.mark)
    }
}
