//! A CUDA stream: copies through the staging rings, launches, events.

use std::any::Any;
use std::sync::Arc;

use cudarc::driver::{result, sys};

use super::super::backend::{DeviceStream, Mark};
use super::super::{CompiledKernel, DeviceError, DevicePtr, DeviceResult, Launch, PARAMETER_BYTES_MAX};
use super::carriers::carry_all;
use super::context::{Context, failed};
use super::pinned::PinnedRing;
use super::{CudaKernel, Rings};

#[derive(Debug)]
pub(super) struct CudaStream {
    context: Arc<Context>,
    rings: Arc<Rings>,
    stream: sys::CUstream,
}

// SAFETY: the driver allows a stream's use from any thread, also at once; the context is bound before every call.
unsafe impl Send for CudaStream {}
// SAFETY: as above.
unsafe impl Sync for CudaStream {}

impl CudaStream {
    pub(super) fn new(context: Arc<Context>, rings: Arc<Rings>) -> DeviceResult<Self> {
        context.bind()?;
        let stream =
            result::stream::create(result::stream::StreamKind::NonBlocking).map_err(failed("cuStreamCreate"))?;
        Ok(Self { context, rings, stream })
    }

    /// Copies a piece of at most a slot's bytes to the device; returns once it is staged.
    fn upload_piece(&self, ring: &PinnedRing, dst: u64, piece: &[u8]) -> DeviceResult<()> {
        self.context.bind()?;
        let mut slot = ring.take()?;
        let staged = &mut slot.bytes()[..piece.len()];
        staged.copy_from_slice(piece);
        // SAFETY: the range was checked; the slot keeps the bytes until the event recorded below has passed.
        unsafe { result::memcpy_htod_async(dst, staged, self.stream) }.map_err(failed("cuMemcpyHtoDAsync"))?;
        slot.record(self.stream)
    }

    /// Copies a piece of at most a slot's bytes to the host, once what was queued before it is done.
    fn download_piece(&self, ring: &PinnedRing, src: u64, piece: &mut [u8]) -> DeviceResult<()> {
        self.context.bind()?;
        let mut slot = ring.take()?;
        let staged = &mut slot.bytes()[..piece.len()];
        // SAFETY: the range was checked; the slot is held until its event has passed.
        unsafe { result::memcpy_dtoh_async(staged, src, self.stream) }.map_err(failed("cuMemcpyDtoHAsync"))?;
        slot.record(self.stream)?;
        slot.wait()?;
        piece.copy_from_slice(&slot.bytes()[..piece.len()]);
        Ok(())
    }

    /// Copies ranges that have room in one slot together to the host: one copy is waited for, the last.
    fn download_together(&self, ring: &PinnedRing, ranges: Vec<(DevicePtr, &mut [u8])>) -> DeviceResult<()> {
        self.context.bind()?;
        let mut slot = ring.take()?;
        let mut staged = &mut *slot.bytes();
        let copied = ranges.iter().try_for_each(|(src, dst)| {
            let (place, rest) = std::mem::take(&mut staged).split_at_mut(dst.len());
            staged = rest;
            // SAFETY: the range was checked; the slot is held until the event recorded below has passed.
            unsafe { result::memcpy_dtoh_async(place, src.0, self.stream) }.map_err(failed("cuMemcpyDtoHAsync"))
        });
        // Also where one was refused: those before it are on their way.
        slot.record(self.stream)?;
        copied?;
        slot.wait()?;
        let mut staged = &*slot.bytes();
        for (_, dst) in ranges {
            let (place, rest) = staged.split_at(dst.len());
            dst.copy_from_slice(place);
            staged = rest;
        }
        Ok(())
    }
}

impl DeviceStream for CudaStream {
    fn upload(&self, dst: DevicePtr, src: &[u8]) -> DeviceResult<()> {
        let ring = self.rings.for_bytes(src.len());
        let pieces = src.chunks(ring.slot_bytes()).enumerate();
        carry_all(pieces, |(number, piece)| self.upload_piece(ring, dst.0 + (number * ring.slot_bytes()) as u64, piece))
    }

    fn download(&self, ranges: Vec<(DevicePtr, &mut [u8])>) -> DeviceResult<()> {
        let bytes = ranges.iter().map(|(_, dst)| dst.len()).sum();
        let ring = self.rings.for_bytes(bytes);
        let slot = ring.slot_bytes();
        if bytes <= slot {
            return self.download_together(ring, ranges);
        }
        let pieces = ranges.into_iter().flat_map(|(src, dst)| {
            dst.chunks_mut(slot).enumerate().map(move |(number, piece)| (src.0 + (number * slot) as u64, piece))
        });
        let pieces: Vec<_> = pieces.collect();
        carry_all(pieces.into_iter(), |(src, piece)| self.download_piece(ring, src, piece))?;
        self.synchronize()
    }

    fn fill(&self, dst: DevicePtr, bytes: usize, value: u8) -> DeviceResult<()> {
        self.context.bind()?;
        // SAFETY: the range was checked.
        unsafe { result::memset_d8_async(dst.0, value, bytes, self.stream) }.map_err(failed("cuMemsetD8Async"))
    }

    fn copy(&self, dst: DevicePtr, src: DevicePtr, bytes: usize) -> DeviceResult<()> {
        self.context.bind()?;
        // SAFETY: both ranges were checked.
        unsafe { result::memcpy_dtod_async(dst.0, src.0, bytes, self.stream) }.map_err(failed("cuMemcpyDtoDAsync"))
    }

    unsafe fn launch(&self, kernel: &CompiledKernel, launch: Launch, params: &[u64]) -> DeviceResult<()> {
        let call = format!("launch of `{}`", kernel.entry);
        let Some(code) = kernel.code.as_any().downcast_ref::<CudaKernel>() else {
            return Err(DeviceError::invalid(call, "the kernel was compiled for another kind of device"));
        };
        self.context.bind()?;
        // The driver reads as many bytes as the kernel's struct has; a short slice must not let it read beyond.
        let mut block = [0_u64; PARAMETER_BYTES_MAX / 8];
        block.iter_mut().zip(params).for_each(|(to, from)| *to = *from);
        let mut argument = [block.as_mut_ptr().cast()];
        // SAFETY: the driver copies the block before it returns; the caller vouches for what it holds.
        unsafe {
            result::launch_kernel(
                code.function,
                (launch.blocks, 1, 1),
                (launch.threads, 1, 1),
                launch.shared_bytes,
                self.stream,
                &mut argument,
            )
        }
        .map_err(failed(&call))
    }

    fn synchronize(&self) -> DeviceResult<()> {
        self.context.bind()?;
        // SAFETY: the stream is live.
        unsafe { result::stream::synchronize(self.stream) }.map_err(failed("cuStreamSynchronize"))
    }

    fn time_mark(&self) -> DeviceResult<Box<dyn Mark>> {
        self.context.bind()?;
        let event = result::event::create(sys::CUevent_flags::CU_EVENT_DEFAULT).map_err(failed("cuEventCreate"))?;
        let mark = CudaMark { context: Arc::clone(&self.context), event };
        // SAFETY: both are live.
        unsafe { result::event::record(event, self.stream) }.map_err(failed("cuEventRecord"))?;
        Ok(Box::new(mark))
    }
}

impl Drop for CudaStream {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: created in `new`, destroyed once; whoever held it has synchronised.
            let _ = unsafe { result::stream::destroy(self.stream) };
        }
    }
}

#[derive(Debug)]
struct CudaMark {
    context: Arc<Context>,
    event: sys::CUevent,
}

// SAFETY: as for the stream.
unsafe impl Send for CudaMark {}
// SAFETY: as above.
unsafe impl Sync for CudaMark {}

impl Mark for CudaMark {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn elapsed_ms(&self, later: &dyn Mark) -> DeviceResult<f64> {
        let Some(later) = later.as_any().downcast_ref::<Self>() else {
            return Err(DeviceError::invalid("elapsed_ms", "the marks are of two kinds of device"));
        };
        self.context.bind()?;
        // SAFETY: both events are live and recorded.
        let ms = unsafe { result::event::elapsed(self.event, later.event) }.map_err(failed("cuEventElapsedTime"))?;
        Ok(f64::from(ms))
    }
}

impl Drop for CudaMark {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: created once, destroyed once.
            let _ = unsafe { result::event::destroy(self.event) };
        }
    }
}
