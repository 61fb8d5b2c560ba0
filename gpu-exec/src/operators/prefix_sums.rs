//! The exclusive scan of `scan.cuh`: what a translation unit that does one is asked for, and its three launches.
//!
//! Not here: what is added up, and what is done with the places (`build.rs`, `texts.rs`).

use std::sync::Arc;

use super::launch::{launch_blocks, launch_tiles};
use crate::column::TILE_ROWS;
use crate::device::{CompiledKernel, DeviceBuffer, DeviceHandle, KernelRequest, Stream, SyncMode};
use crate::error::Result;

/// Shared memory of a block: a word a warp, and room for those of blocks four times as large.
const SCAN_BYTES: u32 = 128;

/// The kernels of a translation unit whose first three scan, in the order in which they are launched.
pub(super) fn requests(source: &str, scan: [&str; 3], then: &str) -> [KernelRequest; 4] {
    let source: Arc<str> = Arc::from(source);
    let request = |entry: &str, sync| KernelRequest { entry: entry.into(), source: Arc::clone(&source), sync };
    let [sums, bases, places] = scan.map(|entry| request(entry, SyncMode::Block));
    [sums, bases, places, request(then, SyncMode::None)]
}

/// Room for the sums of chunks of `count` values.
pub(super) fn alloc_sums(handle: &DeviceHandle, what: &str, count: u64) -> Result<DeviceBuffer> {
    Ok(handle.alloc(what, chunks(count) as usize * 8)?)
}

/// Scans `count` values with the first three of the kernels that [`requests`] names.
pub(super) fn launch_scan(
    handle: &DeviceHandle,
    stream: &Stream,
    kernels: &[CompiledKernel],
    count: u64,
    words: &[u64],
) -> Result<()> {
    launch_tiles(handle, stream, &kernels[0], chunks(count), SCAN_BYTES, words)?;
    launch_blocks(stream, &kernels[1], 1, SCAN_BYTES, words)?;
    launch_tiles(handle, stream, &kernels[2], chunks(count), SCAN_BYTES, words)
}

fn chunks(count: u64) -> u64 {
    count.div_ceil(TILE_ROWS as u64)
}
