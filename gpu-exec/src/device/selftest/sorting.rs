//! The radix sort of `kernels/fixed/sort.cu`, driven step by step: by one block, and launch by launch. Its checks are of the
//! sort alone; `tests/kernels` lays keys of every type into words with the same driver.

use std::sync::Arc;

use super::super::{DeviceBuffer, DeviceHandle, SyncMode};
use super::harness::{Bench, Kernel, same, shape};
use super::{CheckError, CheckResult};
use crate::kernels;

pub(super) const KERNEL: Kernel = Kernel { entry: "maar_sort", sync: SyncMode::Block, source: kernels::SORT };

/// Words of a key that one launch is told of.
const KEYS: usize = 16;
const TILE: usize = 2048;
const DIGITS: usize = 256;
const SHARED_BYTES: u32 = 128 + 9 * 256 * 4 + 8;

/// Rows of so many words on a device, and what sorting them takes.
#[derive(Debug)]
pub struct Sorting<'a> {
    bench: &'a Bench<'a>,
    rows: usize,
    word_count: usize,
    count: DeviceBuffer,
    words: DeviceBuffer,
    sides: [(DeviceBuffer, DeviceBuffer); 2],
    counts: DeviceBuffer,
    sums: DeviceBuffer,
    found: DeviceBuffer,
    result: DeviceBuffer,
}

/// What a step is told besides.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub step: u64,
    pub word: usize,
    pub shift: u64,
    /// The side that a pass reads.
    pub side: usize,
    /// Keys, as `sort.cu` has them.
    pub keys: Vec<[u64; 5]>,
}

impl<'a> Sorting<'a> {
    /// # Errors
    /// Those of the device, here and below.
    pub fn new(bench: &'a Bench<'a>, rows: usize, word_count: usize) -> Result<Self, CheckError> {
        let cells = rows.div_ceil(TILE) * DIGITS;
        let side = || Ok::<_, CheckError>((bench.filled::<u64>(rows, 0xee)?, bench.filled::<u32>(rows, 0xee)?));
        Ok(Self {
            bench,
            rows,
            word_count,
            // More came than there was room for.
            count: bench.up(&[rows as u64 + 3])?,
            words: bench.filled::<u64>(rows * word_count, 0xee)?,
            sides: [side()?, side()?],
            counts: bench.filled::<u32>(cells, 0xee)?,
            sums: bench.filled::<u64>(cells.div_ceil(TILE), 0xee)?,
            found: bench.filled::<u64>(word_count.max(DIGITS), 0)?,
            result: bench.filled::<u32>(rows, 0xee)?,
        })
    }

    /// Words of all rows, the first of all first.
    ///
    /// # Errors
    /// Those of the device.
    pub fn with_words(mut self, words: &[u64]) -> Result<Self, CheckError> {
        self.words = self.bench.up(words)?;
        Ok(self)
    }

    /// The words that keys were laid into.
    ///
    /// # Errors
    /// Those of the device.
    pub fn words(&self) -> Result<Vec<u64>, CheckError> {
        self.bench.down(&self.words)
    }

    /// One launch.
    ///
    /// # Errors
    /// Those of the device.
    pub fn run(&self, blocks: usize, told: &Told) -> CheckResult {
        let ((from, from_order), (to, to_order)) = (&self.sides[told.side], &self.sides[1 - told.side]);
        // Words are laid with the first order.
        let to_order = if told.step == 0 { from_order } else { to_order };
        let address = |buffer: &DeviceBuffer| buffer.ptr().0;
        let mut words = vec![
            told.step,
            address(&self.count),
            self.rows as u64,
            address(&self.words),
            self.word_count as u64,
            told.word as u64,
            told.shift,
            255,
            told.keys.len() as u64,
        ];
        words.extend([from, from_order, to, to_order].map(address));
        words.extend([&self.counts, &self.sums, &self.found, &self.result].map(address));
        words.extend(told.keys.iter().copied().chain(std::iter::repeat([0; 5])).take(KEYS).flatten());
        self.bench.run(&KERNEL, shape(blocks.max(1) as u32, 256, SHARED_BYTES), &words)
    }

    /// The order that one block makes.
    ///
    /// # Errors
    /// Those of the device.
    pub fn few(&self) -> Result<Vec<u32>, CheckError> {
        self.run(1, &Told { step: 1, ..Told::default() })?;
        self.bench.down(&self.result)
    }

    /// The order that launches make, one after another: over all digits of which some bit differs.
    ///
    /// # Errors
    /// Those of the device.
    pub fn many(&self, blocks: usize) -> Result<Vec<u32>, CheckError> {
        let mut side = 0;
        self.bench.put(&self.sides[side].1, &(0..self.rows as u32).collect::<Vec<_>>())?;
        for word in 0..self.word_count {
            self.take(blocks, word, side)?;
            self.run(blocks, &Told { step: 2, word, ..Told::default() })?;
        }
        let varies: Vec<u64> = self.bench.down(&self.found)?;
        for (word, varies) in varies.into_iter().enumerate().take(self.word_count).rev() {
            // To this side, by the order that is there.
            self.take(blocks, word, side)?;
            for shift in (0..64).step_by(8).filter(|shift| varies >> shift & 0xff != 0) {
                for step in 3..=7 {
                    self.run(if step == 5 { 1 } else { blocks }, &Told { step, word, shift, side, keys: vec![] })?;
                }
                side = 1 - side;
            }
        }
        self.bench.down(&self.sides[side].1)
    }

    fn take(&self, blocks: usize, word: usize, side: usize) -> CheckResult {
        // The step writes the other side's words: they are brought back.
        self.run(blocks, &Told { step: 9, word, side, ..Told::default() })?;
        let taken: Vec<u64> = self.bench.down(&self.sides[1 - side].0)?;
        self.bench.put(&self.sides[side].0, &taken)
    }
}

/// Rows around blocks and tiles, in words that differ in all bits, in some, in one digit and in none, with and without equals.
pub(super) fn sorts(device: &Arc<DeviceHandle>) -> CheckResult {
    for rows in [0, 1, 33, 2049, 4500] {
        let mixed = |row: u64| row.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let of_row: [fn(u64) -> u64; 4] = [|word| word, |word| word >> 51, |word| word & 0xff00, |_| 77];
        for (kind, of) in of_row.iter().enumerate() {
            let words: Vec<u64> = (0..rows as u64).map(|row| of(mixed(row + 1))).collect();
            // A second word before it, of few values.
            let first: Vec<u64> = (0..rows as u64).map(|row| mixed(row) >> 62).collect();
            let all = [first.clone(), words.clone()].concat();
            let mut want: Vec<u32> = (0..rows as u32).collect();
            want.sort_by_key(|row| (first[*row as usize], words[*row as usize]));
            let bench = Bench::new(device)?;
            let sorting = Sorting::new(&bench, rows, 2)?.with_words(&all)?;
            same(&format!("{rows} rows of kind {kind}, launch by launch"), &sorting.many(3)?, &want)?;
            if rows <= 4096 {
                same(&format!("{rows} rows of kind {kind}, in one block"), &sorting.few()?, &want)?;
            }
        }
    }
    Ok(())
}
