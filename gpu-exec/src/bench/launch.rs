//! Launches of the benchmarks' kernels: buffers are held by reference, lengths are checked by who makes the arguments.
#![expect(unsafe_code, reason = "a launch hands addresses to device code")]

use crate::device::{BLOCK_THREADS, CompiledKernel, DeviceBuffer, DeviceHandle, Launch, Stream};
use crate::error::Result;

/// One parameter of a kernel.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word<'a> {
    Buffer(&'a DeviceBuffer),
    Number(u64),
}

/// A compiled kernel with the grid that fills the device, and no more.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    kernel: CompiledKernel,
    launch: Launch,
}

impl Grid {
    /// As many blocks as the device runs at once, at most `blocks_useful`.
    pub(super) fn new(
        handle: &DeviceHandle,
        kernel: CompiledKernel,
        blocks_useful: u64,
        shared_bytes: u32,
    ) -> Result<Self> {
        let blocks = handle.persistent_blocks(&kernel, shared_bytes, blocks_useful)?;
        Ok(Self { kernel, launch: Launch { blocks, threads: BLOCK_THREADS, shared_bytes } })
    }

    pub(super) fn threads(&self) -> u64 {
        u64::from(self.launch.blocks) * u64::from(self.launch.threads)
    }

    /// Queues one launch. The caller keeps the buffers until the stream has been synchronised.
    pub(super) fn launch(&self, stream: &Stream, words: &[Word<'_>]) -> Result<()> {
        let words: Vec<u64> = words
            .iter()
            .map(|word| match word {
                Word::Buffer(buffer) => buffer.ptr().0,
                Word::Number(number) => *number,
            })
            .collect();
        // SAFETY: each probe makes the words of its own kernel, in the order of the parameter struct, with buffers as
        // long as the counts beside them say; it holds the buffers until it has synchronised, and uses one stream.
        unsafe { stream.launch(&self.kernel, self.launch, &words)? };
        Ok(())
    }
}
