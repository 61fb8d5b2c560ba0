//! Aggregation's building blocks: atomic adds on global and on shared memory, and a thread's own share of it.

use super::kernels::{ATOMIC_F64, ATOMIC_U32, ATOMIC_U64, GROUPS, Kernel, PRIVATE, SHARED_U32, SHARED_U64};
use super::launch::Word;
use super::memory::ones;
use super::probe::{Bench, Measurement, Number, Probe, TILE_ROWS, expect};
use crate::device::BLOCK_THREADS;
use crate::error::Result;

/// Places that global adds go to; the last is far larger than any L2.
const PLACES: [u64; 7] = [1, 16, 256, 4096, 65_536, 1 << 20, 1 << 26];
const QUICK_PLACES: [u64; 3] = [1, 256, 4096];
const GLOBAL: [(Number, &Kernel); 3] =
    [(Number::U32, &ATOMIC_U32), (Number::U64, &ATOMIC_U64), (Number::F64, &ATOMIC_F64)];

/// Places of a table in shared memory.
const SHARED_PLACES: [u64; 4] = [4, 64, 1024, 4096];
const SHARED: [(Number, &Kernel); 2] = [(Number::U32, &SHARED_U32), (Number::U64, &SHARED_U64)];

/// Groups of the private form; more do not fit a block's shared memory.
const PRIVATE_GROUPS: [u64; 4] = [4, 8, 16, 32];

/// Adds of a run.
const FULL_ADDS: u64 = 1 << 25;
const FULL_SHARED_ADDS: u64 = 1 << 28;
const QUICK_ADDS: u64 = 1 << 12;
/// Shared memory that a block's sum passes through: a state for each of 32 warps.
const PUBLISH_BYTES: u64 = 256;
/// Rows of a run of the private form.
const FULL_ROWS: u64 = 1 << 28;
const QUICK_ROWS: u64 = 1 << 14;

pub(super) fn probes(bench: &Bench) -> Vec<Probe> {
    let places: &[u64] = bench.scale.pick(&PLACES, &QUICK_PLACES);
    let mut probes = Vec::new();
    for (number, kernel) in GLOBAL {
        let probe = |places: &u64| {
            let places = *places;
            let name = format!("{} add, {}", number.name(), counted(places, "address"));
            Probe::new("global atomics", name, move |bench| global(bench, number, kernel, places))
        };
        probes.extend(places.iter().map(probe));
    }
    for (number, kernel) in SHARED {
        let probe = |places: u64| {
            let name = format!("{} add, {}", number.name(), counted(places, "address"));
            Probe::new("shared atomics", name, move |bench| shared(bench, number, kernel, places))
        };
        probes.extend(SHARED_PLACES.map(probe));
    }
    let probe = |groups: u64| Probe::new("private sums", counted(groups, "group"), move |bench| private(bench, groups));
    probes.extend(PRIVATE_GROUPS.map(probe));
    probes
}

fn counted(count: u64, what: &str) -> String {
    match (count, what) {
        (1, what) => format!("1 {what}"),
        (count, "address") => format!("{count} addresses"),
        (count, what) => format!("{count} {what}s"),
    }
}

fn adds(bench: &Bench) -> u64 {
    bench.scale.pick(FULL_ADDS, QUICK_ADDS)
}

fn global(bench: &Bench, number: Number, kernel: &Kernel, places: u64) -> Result<Measurement> {
    let adds = adds(bench);
    let grid = bench.grid(kernel, adds.div_ceil(u64::from(BLOCK_THREADS)), 0)?;
    // Whole tiles, so that a kernel can check the sum.
    let table = bench.filled(places.next_multiple_of(TILE_ROWS) * number.bytes(), 0)?;
    let words = [Word::Buffer(&table), Word::Number(places), Word::Number(adds)];
    let found = bench.device_time(0, adds, |stream| grid.launch(stream, &words))?;
    // Once more on zeros: the counters of many runs might not fit.
    bench.stream.fill(&table, 0, table.len(), 0)?;
    grid.launch(&bench.stream, &words)?;
    expect("global atomics", bench.sum(&table, number)?, adds as i64)?;
    Ok(found)
}

fn shared(bench: &Bench, number: Number, kernel: &Kernel, places: u64) -> Result<Measurement> {
    let adds = bench.scale.pick(FULL_SHARED_ADDS, QUICK_ADDS);
    let shared_bytes = u32::try_from((places * number.bytes()).max(PUBLISH_BYTES)).unwrap_or(u32::MAX);
    let grid = bench.grid(kernel, adds.div_ceil(u64::from(BLOCK_THREADS)), shared_bytes)?;
    let total = bench.filled(8, 0)?;
    let words = [Word::Buffer(&total), Word::Number(places), Word::Number(adds)];
    let found = bench.device_time(0, adds, |stream| grid.launch(stream, &words))?;
    bench.stream.fill(&total, 0, total.len(), 0)?;
    grid.launch(&bench.stream, &words)?;
    expect("shared atomics", bench.total(&total)?, adds as i64)?;
    Ok(found)
}

fn private(bench: &Bench, groups: u64) -> Result<Measurement> {
    let rows = bench.bytes(bench.scale.pick(FULL_ROWS, QUICK_ROWS) * 4, 4 * TILE_ROWS) / 4;
    let tiles = rows / TILE_ROWS;
    let shared_bytes = u32::try_from(groups * u64::from(BLOCK_THREADS) * 8).unwrap_or(u32::MAX);
    let grid = bench.grid(&PRIVATE, tiles, shared_bytes)?;
    let (keys, values) = (bench.filled(rows, 0)?, bench.filled(rows * 4, 1)?);
    let numbers = [Word::Buffer(&keys), Word::Number(groups), Word::Number(rows)];
    bench.grid(&GROUPS, tiles, 0)?.launch(&bench.stream, &numbers)?;
    let totals = bench.filled(groups * 8, 0)?;
    let words =
        [Word::Buffer(&keys), Word::Buffer(&values), Word::Number(groups), Word::Number(tiles), Word::Buffer(&totals)];
    let found = bench.device_time(rows * 5, rows, |stream| grid.launch(stream, &words))?;
    bench.stream.fill(&totals, 0, totals.len(), 0)?;
    grid.launch(&bench.stream, &words)?;
    expect("private sums", bench.total(&totals)?, ones(4, rows))?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals() {
        assert_eq!([counted(1, "address"), counted(16, "address")], ["1 address", "16 addresses"]);
        assert_eq!(counted(4, "group"), "4 groups");
    }
}
