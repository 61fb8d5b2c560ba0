//! The one place that launches: shapes a grid, checks that every argument was resolved, hands over the words.
#![expect(unsafe_code, reason = "a launch hands addresses to device code")]

use crate::device::{BLOCK_THREADS, CompiledKernel, DeviceHandle, Launch, Stream};
use crate::error::Result;

/// Launches a kernel over `tiles` tiles with a persistent grid: as many blocks as fit on the device at once.
pub(super) fn launch_tiles(
    handle: &DeviceHandle,
    stream: &Stream,
    kernel: &CompiledKernel,
    tiles: u64,
    shared_bytes: u32,
    words: &[u64],
) -> Result<()> {
    if tiles == 0 {
        return Ok(());
    }
    let blocks = handle.persistent_blocks(kernel, shared_bytes, tiles)?;
    launch_blocks(stream, kernel, blocks, shared_bytes, words)
}

/// Launches a kernel with so many blocks.
pub(super) fn launch_blocks(
    stream: &Stream,
    kernel: &CompiledKernel,
    blocks: u32,
    shared_bytes: u32,
    words: &[u64],
) -> Result<()> {
    let launch = Launch { blocks, threads: BLOCK_THREADS, shared_bytes };
    // SAFETY: the words were resolved from this kernel's own argument list; the buffers they point into are held by the
    // run until its stream is synchronised, and one stream orders all work that shares them.
    unsafe { stream.launch(kernel, launch, words)? };
    Ok(())
}
