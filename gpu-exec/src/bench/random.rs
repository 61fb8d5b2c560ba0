//! Random reads of 4 bytes from tables of several sizes: in L2, about its size, and far larger.

use super::kernels::GATHER;
use super::launch::Word;
use super::memory::ones;
use super::probe::{Bench, Measurement, Probe, expect, size_name};
use crate::device::BLOCK_THREADS;
use crate::error::Result;

/// Bytes of the tables, as far as they fit the device; a quick run takes a thousandth.
const TABLES: [u64; 8] =
    [2_000_000, 8_000_000, 20_000_000, 40_000_000, 60_000_000, 120_000_000, 600_000_000, 4_000_000_000];
const QUICK_SHARE: u64 = 1000;
/// Reads of a run: a multiple of 8.
const FULL_GATHERS: u64 = 1 << 27;
const QUICK_GATHERS: u64 = 1 << 14;
/// Reads a thread makes at once.
const UNROLLED: u64 = 8;
/// Bytes that memory hands over for one read.
const SECTOR: u64 = 32;

pub(super) fn probes(bench: &Bench) -> Vec<Probe> {
    let most = bench.handle.memory().budget_bytes / 10 * 9;
    let sizes = TABLES.map(|bytes| bench.scale.pick(bytes, bytes / QUICK_SHARE));
    let probe = |bytes: u64| Probe::new("gather", size_name(bytes), move |bench| gather(bench, bytes));
    sizes.into_iter().filter(|bytes| *bytes <= most).map(probe).collect()
}

fn gather(bench: &Bench, bytes: u64) -> Result<Measurement> {
    let entries = bytes / 4;
    let gathers = bench.scale.pick(FULL_GATHERS, QUICK_GATHERS);
    let grid = bench.grid(&GATHER, gathers.div_ceil(u64::from(BLOCK_THREADS) * UNROLLED), 0)?;
    let table = bench.filled(entries * 4, 1)?;
    let sums = bench.filled(grid.threads() * 8, 0)?;
    let words = [Word::Buffer(&table), Word::Number(entries), Word::Number(gathers), Word::Buffer(&sums)];
    let found = bench.device_time(gathers * SECTOR, gathers, |stream| grid.launch(stream, &words))?;
    expect("gather", bench.total(&sums)?, ones(4, gathers))?;
    Ok(found)
}
