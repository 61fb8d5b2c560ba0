//! Launches of `kernels/fixed/window`, and the memory that they use: it is held until the device has been waited for.

use std::sync::Arc;

use super::scans::Scan;
use crate::column::{TILE_ROWS, padded_rows};
use crate::device::{CompiledKernel, DeviceBuffer, DeviceHandle, KernelRequest, Stream, SyncMode};
use crate::error::Result;
use crate::kernels::WINDOW;
use crate::operators::emit::Emitted;
use crate::operators::launch::{launch_blocks, launch_tiles};

/// A value of 16 bytes and a word for each of a block's warps.
const SHARED_BYTES: u32 = 8 * 32;

/// The steps of the kernel.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Heads,
    Totals,
    Bases,
    Values,
    Take,
    Number,
    Search,
    RunsOfOne,
    RunsTaken,
    RunsDoubled,
}

/// What all steps over some rows are told.
pub(super) struct Launches<'a> {
    pub(super) handle: &'a DeviceHandle,
    pub(super) stream: &'a Stream,
    kernel: CompiledKernel,
    /// The rows as they were written out.
    pub(super) emitted: &'a Emitted,
    pub(super) rows: u64,
    /// The address of the rows' numbers in their order; 0 where that is as they are.
    pub(super) order: u64,
    pub(super) heads: Arc<DeviceBuffer>,
    totals: Arc<DeviceBuffer>,
    held: Vec<Arc<DeviceBuffer>>,
}

/// What one step is told besides.
#[derive(Clone, Copy, Default)]
pub(super) struct Words {
    /// Sorted words, how many there are a row, and the partition's bits of them.
    pub(super) words: u64,
    pub(super) word_count: u64,
    pub(super) masks: u64,
    /// A written column: its values, their validity, the bytes of one.
    pub(super) column: [u64; 3],
    pub(super) scan: u64,
    pub(super) out: u64,
    pub(super) bits: u64,
    /// Edges of partitions and of peers.
    pub(super) edges: [u64; 4],
    pub(super) states: u64,
    pub(super) make: u64,
    pub(super) frame: [u64; 3],
    pub(super) number: u64,
}

impl Drop for Launches<'_> {
    fn drop(&mut self) {
        // What is held may be in use. A fault stays with the device and is reported by its next use.
        let _ = self.stream.synchronize();
    }
}

/// The kernel that makes columns of windows.
pub(super) fn request() -> KernelRequest {
    KernelRequest { entry: "maar_window".to_owned(), source: Arc::from(WINDOW), sync: SyncMode::Block }
}

impl<'a> Launches<'a> {
    pub(super) fn new(
        (handle, stream): (&'a DeviceHandle, &'a Stream),
        (emitted, rows): (&'a Emitted, u64),
        order: u64,
    ) -> Result<Self> {
        let kernel = handle.kernels(&[request()])?.swap_remove(0);
        let alloc = |bytes: u64| Ok::<_, crate::error::Error>(Arc::new(handle.alloc("windows", bytes as usize)?));
        let totals = alloc(rows.div_ceil(TILE_ROWS as u64) * 32)?;
        Ok(Self { handle, stream, kernel, emitted, rows, order, heads: alloc(rows)?, totals, held: vec![] })
    }

    /// Room for a value of so many bytes for each row, padded to whole tiles.
    pub(super) fn column(&mut self, width: usize) -> Result<Arc<DeviceBuffer>> {
        self.hold(padded_rows(self.rows as usize) * width)
    }

    /// Room for a bit for each row, padded like values.
    pub(super) fn bits(&mut self) -> Result<Arc<DeviceBuffer>> {
        self.hold(padded_rows(self.rows as usize) / 8)
    }

    pub(super) fn hold(&mut self, bytes: usize) -> Result<Arc<DeviceBuffer>> {
        let buffer = Arc::new(self.handle.alloc("windows", bytes)?);
        self.held.push(Arc::clone(&buffer));
        Ok(buffer)
    }

    /// A column that was written out.
    pub(super) fn written(&self, column: usize, width: usize) -> [u64; 3] {
        [self.emitted.data(column), self.emitted.valid(column), width as u64]
    }

    /// The three launches of a scan.
    pub(super) fn scan(&self, scan: Scan, column: [u64; 3], out: &DeviceBuffer) -> Result<()> {
        let words = Words { column, scan: scan.word(), out: out.ptr().0, ..Words::default() };
        [Step::Totals, Step::Bases, Step::Values].into_iter().try_for_each(|step| self.launch(step, &words))
    }

    pub(super) fn launch(&self, step: Step, words: &Words) -> Result<()> {
        let [data, valid, width] = words.column;
        let [starts, ends, peer_starts, peer_ends] = words.edges;
        let [frame, start, end] = words.frame;
        let parameters = [
            step as u64,
            self.rows,
            self.order,
            words.words,
            self.rows,
            words.word_count,
            words.masks,
            self.heads.ptr().0,
            data,
            valid,
            width,
            words.scan,
            self.totals.ptr().0,
            words.out,
            words.bits,
            starts,
            ends,
            peer_starts,
            peer_ends,
            words.states,
            words.make,
            frame,
            start,
            end,
            words.number,
        ];
        if let Step::Bases = step {
            return launch_blocks(self.stream, &self.kernel, 1, SHARED_BYTES, &parameters);
        }
        let tiles = self.rows.div_ceil(TILE_ROWS as u64);
        launch_tiles(self.handle, self.stream, &self.kernel, tiles, SHARED_BYTES, &parameters)
    }
}
