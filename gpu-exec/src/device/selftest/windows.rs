//! The scans and columns of `kernels/fixed/window`, driven step by step over sorted words. Not here: what is made of them for SQL
//! (`tests/queries/windows.rs`).

use std::sync::Arc;

use super::super::{DeviceBuffer, DeviceHandle, SyncMode};
use super::harness::{Bench, Kernel, same, shape};
use super::{CheckError, CheckResult};
use crate::kernels;

pub(super) const KERNEL: Kernel = Kernel { entry: "maar_window", sync: SyncMode::Block, source: kernels::WINDOW };

const SHARED_BYTES: u32 = 8 * 32;
const CHUNK: usize = 2048;
/// The kernel's parameters, and the places of some.
const PARAMETERS: usize = 25;
const HEADS: usize = 7;
const DATA: usize = 8;
const WIDTH: usize = 10;
const SCAN: usize = 11;
const TOTALS: usize = 12;
const OUT: usize = 13;
const BITS: usize = 14;
const STARTS: usize = 15;
const ENDS: usize = 16;
const STATES: usize = 19;
const MAKE: usize = 20;
const START: usize = 22;
const END: usize = 23;
const NUMBER: usize = 24;
/// The step that finds edges at a distance, and those that join runs of rows over frames.
const SEARCH: u64 = 6;
const RUNS_OF_ONE: u64 = 7;
const RUNS_TAKEN: u64 = 8;
const RUNS_DOUBLED: u64 = 9;
/// How values are joined, and of what, as the kernel numbers it.
const SUM_I64: u64 = 0;
const SUM_I128: u64 = 1;
const SUM_F64: u64 = 2;
const MIN: u64 = 3;
const MAX: u64 = 4;
const OF_COLUMN: u64 = 0;
const OF_STARTS: u64 = 2 << 16;
const OF_ENDS: u64 = 3 << 16 | 1 << 8;
const SHIFTED: u64 = 7;

/// Rows in the order of their partitions, whose first `rows` words are in `words`.
struct Windows<'a> {
    bench: &'a Bench<'a>,
    rows: usize,
    parameters: [u64; PARAMETERS],
    held: Vec<DeviceBuffer>,
}

impl<'a> Windows<'a> {
    /// With the heads of partitions, which are where words differ in their upper halves.
    fn new(bench: &'a Bench<'a>, words: &[u64]) -> Result<Self, CheckError> {
        let rows = words.len();
        let order: Vec<u32> = (0..rows as u32).collect();
        let buffers = [
            bench.up(&order)?,
            bench.up(words)?,
            bench.up(&[u64::MAX << 32])?,
            bench.filled::<u8>(rows, 0xee)?,
            bench.filled::<u64>(rows.div_ceil(CHUNK) * 4, 0xee)?,
        ];
        let [order, words, masks, heads, totals] = [0, 1, 2, 3, 4].map(|at: usize| buffers[at].ptr().0);
        let mut parameters = [0; PARAMETERS];
        parameters[..HEADS].copy_from_slice(&[0, rows as u64, order, words, rows as u64, 1, masks]);
        (parameters[HEADS], parameters[TOTALS]) = (heads, totals);
        let windows = Self { bench, rows, parameters, held: buffers.into() };
        windows.run(0, &windows.parameters)?;
        Ok(windows)
    }

    fn run(&self, step: u64, parameters: &[u64; PARAMETERS]) -> CheckResult {
        let mut parameters = *parameters;
        parameters[0] = step;
        let blocks = if step == 2 { 1 } else { 3 };
        self.bench.run(&KERNEL, shape(blocks, 256, SHARED_BYTES), &parameters)
    }

    /// A scan, of a column where one is given: with so many bytes a value.
    fn scan<T: super::harness::Number>(
        &mut self,
        scan: u64,
        column: Option<(&DeviceBuffer, u64)>,
    ) -> Result<(Vec<T>, u64), CheckError> {
        let out = self.bench.filled::<T>(self.rows, 0xee)?;
        let mut parameters = self.parameters;
        (parameters[SCAN], parameters[OUT]) = (scan, out.ptr().0);
        if let Some((column, width)) = column {
            (parameters[DATA], parameters[WIDTH]) = (column.ptr().0, width);
        }
        [1, 2, 3].into_iter().try_for_each(|step| self.run(step, &parameters))?;
        let found = self.bench.down(&out)?;
        let address = out.ptr().0;
        self.held.push(out);
        Ok((found, address))
    }
}

/// Rows around blocks and chunks, in partitions of one row, of some, and of all.
pub(super) fn windows(device: &Arc<DeviceHandle>) -> CheckResult {
    for rows in [1, 33, 2049, 9000] {
        for partition in [1, 7, 2048, 5000, 100_000] {
            check(device, rows, partition).map_err(|error| match error {
                CheckError::Wrong(what) => {
                    CheckError::Wrong(format!("{rows} rows in partitions of {partition}: {what}"))
                }
                other => other,
            })?;
        }
    }
    Ok(())
}

/// Of each row the first of its partition whose key is larger by as much at least.
fn reached(
    windows: &Windows<'_>,
    (keys, starts, ends): (&DeviceBuffer, u64, u64),
    distance: u64,
) -> Result<Vec<i64>, CheckError> {
    let out = windows.bench.filled::<i64>(windows.rows, 0xee)?;
    let mut parameters = windows.parameters;
    for (place, word) in
        [(DATA, keys.ptr().0), (WIDTH, 8), (STARTS, starts), (ENDS, ends), (START, distance), (OUT, out.ptr().0)]
    {
        parameters[place] = word;
    }
    windows.run(SEARCH, &parameters)?;
    windows.bench.down(&out)
}

/// What is joined over the two rows before each row, the row, and the two behind it: the bits of values of 8 bytes.
fn over_frames(
    windows: &Windows<'_>,
    scan: u64,
    (column, starts, ends): (&DeviceBuffer, u64, u64),
) -> Result<Vec<i64>, CheckError> {
    let array = || windows.bench.filled::<i64>(windows.rows, 0xee);
    let (mut runs, mut doubled, out) = (array()?, array()?, array()?);
    let mut parameters = windows.parameters;
    for (place, word) in [(DATA, column.ptr().0), (WIDTH, 8), (SCAN, scan), (STARTS, starts), (ENDS, ends)] {
        parameters[place] = word;
    }
    (parameters[START], parameters[END]) = (-2_i64 as u64, 2);
    parameters[OUT] = runs.ptr().0;
    windows.run(RUNS_OF_ONE, &parameters)?;
    for level in 0..3 {
        (parameters[STATES], parameters[NUMBER]) = (runs.ptr().0, level);
        parameters[OUT] = out.ptr().0;
        windows.run(RUNS_TAKEN, &parameters)?;
        parameters[OUT] = doubled.ptr().0;
        windows.run(RUNS_DOUBLED, &parameters)?;
        std::mem::swap(&mut runs, &mut doubled);
    }
    windows.bench.down(&out)
}

fn check(device: &Arc<DeviceHandle>, rows: usize, partition: usize) -> CheckResult {
    let bench = Bench::new(device)?;
    let words: Vec<u64> = (0..rows).map(|row| ((row / partition) as u64) << 32 | (row / 3) as u64).collect();
    let mut windows = Windows::new(&bench, &words)?;
    let first = |row: usize| row / partition * partition;
    let last = |row: usize| (first(row) + partition).min(rows);
    let all = |of: &dyn Fn(usize) -> i64| (0..rows).map(of).collect::<Vec<i64>>();
    let (found, starts) = windows.scan::<i64>(MAX | OF_STARTS, None)?;
    same("first rows", &found, &all(&|row| first(row) as i64))?;
    let (found, ends) = windows.scan::<i64>(MIN | OF_ENDS, None)?;
    same("rows behind the last", &found, &all(&|row| last(row) as i64))?;

    let value = |row: usize| (row as i64 * 7919 % 1009 - 500) << (row % 40);
    let values = all(&value);
    let column = bench.up(&values)?;
    let so_far = |row: usize| values[first(row)..=row].iter().copied();
    let (found, _) = windows.scan::<i64>(SUM_I64 | OF_COLUMN, Some((&column, 8)))?;
    same("sums", &found, &all(&|row| so_far(row).fold(0, i64::wrapping_add)))?;
    let (found, _) = windows.scan::<i128>(SUM_I128 | OF_COLUMN, Some((&column, 8)))?;
    let wide: Vec<i128> = (0..rows).map(|row| so_far(row).map(i128::from).sum()).collect();
    same("wide sums", &found, &wide)?;
    let (found, _) = windows.scan::<i64>(MAX | OF_COLUMN, Some((&column, 8)))?;
    same("maxima", &found, &all(&|row| so_far(row).fold(i64::MIN, i64::max)))?;
    // Whole numbers, whose sums are the same in any order.
    let floats: Vec<f64> = (0..rows).map(|row| (row % 11) as f64).collect();
    let float_column = bench.up(&floats)?;
    let (found, _) = windows.scan::<f64>(SUM_F64 | OF_COLUMN, Some((&float_column, 8)))?;
    let sums: Vec<f64> = (0..rows).map(|row| floats[first(row)..=row].iter().sum()).collect();
    same("sums of floats", &found, &sums)?;

    let keys = all(&|row| (row / 3) as i64);
    let key_column = bench.up(&keys)?;
    let found = reached(&windows, (&key_column, starts, ends), 2)?;
    let first_so_far_on = |row: usize| (first(row)..last(row)).find(|other| keys[*other] >= keys[row] + 2);
    same("rows at a distance", &found, &all(&|row| first_so_far_on(row).unwrap_or(last(row)) as i64))?;
    let minima = over_frames(&windows, MIN | OF_COLUMN, (&column, starts, ends))?;
    let frame = |row: usize| row.saturating_sub(2).max(first(row))..(row + 3).min(last(row));
    same("minima of five rows", &minima, &all(&|row| values[frame(row)].iter().copied().fold(i64::MAX, i64::min)))?;
    let sums = over_frames(&windows, SUM_F64 | OF_COLUMN, (&float_column, starts, ends))?;
    let sums: Vec<f64> = sums.into_iter().map(|bits| f64::from_bits(bits as u64)).collect();
    let wanted: Vec<f64> = (0..rows).map(|row| floats[frame(row)].iter().sum()).collect();
    same("sums of five floats", &sums, &wanted)?;

    let out = bench.filled::<i64>(rows.div_ceil(CHUNK) * CHUNK, 0xee)?;
    let bits = bench.filled::<u32>(rows.div_ceil(CHUNK) * CHUNK / 32, 0xee)?;
    let mut parameters = windows.parameters;
    for (place, word) in [
        (DATA, column.ptr().0),
        (WIDTH, 8),
        (OUT, out.ptr().0),
        (BITS, bits.ptr().0),
        (STARTS, starts),
        (ENDS, ends),
        (MAKE, SHIFTED),
        (START, 2),
    ] {
        parameters[place] = word;
    }
    windows.run(4, &parameters)?;
    let there = |row: usize| (row + 2 < last(row)).then(|| row + 2);
    let found: Vec<i64> = bench.down(&out)?;
    same("values two rows on", &found[..rows], &all(&|row| there(row).map_or(0, |row| values[row])))?;
    let found: Vec<u32> = bench.down(&bits)?;
    let bit = |row: usize| if row < rows && there(row).is_some() { 1 << (row % 32) } else { 0 };
    let want: Vec<u32> = (0..found.len()).map(|word| (word * 32..word * 32 + 32).map(bit).sum()).collect();
    same("which rows have one", &found, &want)
}
