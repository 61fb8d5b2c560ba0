//! Emitted rows are sorted where they are: words of their keys, then their numbers by these words (`kernels/fixed/sort.cu`).
//!
//! Few rows are sorted by one block, in the launches behind the one that put them out, so that their order comes to the host
//! with them. Of many the host first asks how many they are, then which bits of their words differ: only those are sorted by,
//! eight at a time. Not here: what words are made of (`strategy/sort.rs`), what becomes of sorted rows (`sorted.rs`).
//!
//! A pass over eight bits moves 33 bytes a row (`sort.cu`), a word after the first 20 more, words themselves what their columns have
//! and 8 a word twice. That is the floor: on a device of 4.8 TB/s, 100 million rows by one word of 32 bits that differ take 3.2 ms.

use std::sync::Arc;

use super::emit::Emitted;
use super::launch::launch_tiles;
use crate::column::TILE_ROWS;
use crate::device::{CompiledKernel, DeviceBuffer, DeviceHandle, KernelRequest, Stream, SyncMode};
use crate::error::{Error, Result};
use crate::ir::{IntWidth, PayloadShape, Repr};
use crate::kernels::SORT;
use crate::strategy::{PIECES_A_LAUNCH, SortPiece, SortPlan};

/// Rows that one block sorts, as `sort.cu` has it.
pub(super) const FEW_ROWS: u64 = 4096;
/// Where fewer than one row in so many may be among the first, the others are left out.
const NARROWED_SHARE: u64 = 4;
const DIGITS: u64 = 256;
const DIGIT_BITS: u32 = 8;
/// What a block's threads share.
const SHARED_BYTES: u32 = 128 + 9 * 256 * 4 + 8;
/// How `sort.cu` is told what a piece is.
const FLOAT: u64 = 1;
const DESCENDING: u64 = 2;
const NULL_BIT: u64 = 4;
const NULLS_FIRST: u64 = 8;

/// The order of rows, as a column behind those that are put out.
pub(super) const ORDER_SHAPE: PayloadShape = PayloadShape { repr: Repr::Int, width: IntWidth::W32, nullable: false };

/// The steps of the kernel.
#[derive(Clone, Copy)]
enum Step {
    Words,
    Few,
    Differences,
    Count,
    Sums,
    Bases,
    Places,
    Scatter,
    Begins,
    Take,
}

/// The kernel that sorts.
pub(super) fn sort_request() -> KernelRequest {
    KernelRequest { entry: "maar_sort".to_owned(), source: Arc::from(SORT), sync: SyncMode::Block }
}

/// Memory and arguments of one sort.
pub(super) struct Sorter<'a> {
    handle: &'a DeviceHandle,
    stream: &'a Stream,
    plan: &'a SortPlan,
    kernel: CompiledKernel,
    /// The address at which rows are counted, and for how many there is room.
    count: u64,
    capacity: u64,
    words: DeviceBuffer,
    /// Words and row numbers before a pass and behind it.
    sides: [(DeviceBuffer, DeviceBuffer); 2],
    /// Which of them is the last.
    side: usize,
    /// Of many rows only: counts of digits, sums of them, what the host asks for, and how many rows are left.
    counts: DeviceBuffer,
    sums: DeviceBuffer,
    found: DeviceBuffer,
    left: DeviceBuffer,
}

impl Drop for Sorter<'_> {
    fn drop(&mut self) {
        drop(Waited(self.stream));
    }
}

/// Waits for the device when it goes: before the memory does that was asked for earlier, which launches may still use. A
/// fault stays with the device and is reported by its next use.
pub(super) struct Waited<'a>(pub(super) &'a Stream);

impl Drop for Waited<'_> {
    fn drop(&mut self) {
        let _ = self.0.synchronize();
    }
}

/// Bytes that sorting takes besides what is sorted, a row.
pub(super) fn row_bytes(plan: &SortPlan) -> u64 {
    // Words, words and row numbers of two sides, counts of digits.
    8 * plan.words() as u64 + 24 + 1
}

impl<'a> Sorter<'a> {
    /// For up to `capacity` rows, which are counted at the address `count`.
    pub(super) fn new(
        (handle, stream): (&'a DeviceHandle, &'a Stream),
        plan: &'a SortPlan,
        (count, capacity): (u64, u64),
    ) -> Result<Self> {
        if capacity >= u64::from(u32::MAX) {
            return Err(Error::Refused(format!(
                "rows of one table have so many matches that {capacity} rows would have to be sorted at once, which 32 bits do not count; \
                 the host sorts them"
            )));
        }
        let kernel = handle.kernels(&[sort_request()])?.swap_remove(0);
        let alloc = |bytes: u64| handle.alloc("sorted rows", bytes as usize);
        let is_few = capacity <= FEW_ROWS;
        let cells = if is_few { 0 } else { tiles(capacity) * DIGITS };
        let words = plan.words() as u64;
        let side = || Ok::<_, Error>((alloc(capacity * 8)?, alloc(capacity * 4)?));
        let sorter = Self {
            handle,
            stream,
            plan,
            kernel,
            count,
            capacity,
            words: alloc(capacity * 8 * words)?,
            sides: [side()?, side()?],
            side: 0,
            counts: alloc(cells * 4)?,
            sums: alloc(cells.div_ceil(TILE_ROWS as u64) * 8)?,
            found: alloc(if is_few { 0 } else { words.max(DIGITS) * 8 })?,
            left: alloc(if is_few { 0 } else { 8 })?,
        };
        Ok(sorter)
    }

    /// Sorts the rows of `emitted`, if they are few: their order is written behind its columns. Waits for nothing.
    pub(super) fn sort_few(&self, emitted: &Emitted) -> Result<()> {
        self.few(emitted, emitted.order())
    }

    fn few(&self, emitted: &Emitted, result: u64) -> Result<()> {
        self.make_words(emitted)?;
        self.launch(Step::Few, 1, &Argument { to: 1, result, ..Argument::default() })
    }

    /// Sorts `rows` rows of `emitted`, all that it has, as far as the first `wanted`. Waits for the device where they are many.
    pub(super) fn sort(&mut self, emitted: &Emitted, rows: u64, wanted: u64) -> Result<()> {
        if rows <= FEW_ROWS {
            return self.few(emitted, self.order());
        }
        self.make_words(emitted)?;
        let (rows, mut is_as_put_out, differing) = self.narrow(rows, wanted)?;
        for (word, differing) in differing.into_iter().enumerate().rev() {
            for (number, shift) in digits(differing).enumerate() {
                let whole = (number == 0 && is_as_put_out).then_some(word);
                if number == 0 && !is_as_put_out {
                    self.take_word(word, rows)?;
                }
                self.pass(whole, shift, rows)?;
                is_as_put_out = false;
            }
        }
        Ok(())
    }

    /// Leaves out rows that are certainly not among the first `wanted`, by the highest digit that differs, for as long as
    /// that leaves out most. How many are left, whether they are as they were put out, and which bits of them differ.
    fn narrow(&mut self, rows: u64, wanted: u64) -> Result<(u64, bool, Vec<u64>)> {
        let (mut rows, mut is_as_put_out) = (rows, true);
        loop {
            let differing = self.differing_bits(rows, is_as_put_out)?;
            let highest = differing.iter().enumerate().find(|(_, differing)| **differing != 0);
            let Some((word, bits)) = highest.filter(|_| rows > FEW_ROWS && wanted < rows / NARROWED_SHARE) else {
                return Ok((rows, is_as_put_out, differing));
            };
            let shift = (u64::BITS - bits.leading_zeros()).saturating_sub(DIGIT_BITS);
            if !is_as_put_out {
                self.take_word(word, rows)?;
            }
            let whole = is_as_put_out.then_some(word);
            let begins = self.begins(whole, shift, rows)?;
            let ends = begins[1..].iter().copied().chain([rows]);
            let Some((last, left)) = (0..).zip(ends).find(|(_, end)| *end >= wanted) else {
                return Err(Error::internal("digits were counted that are no row's"));
            };
            if left > rows / NARROWED_SHARE {
                return Ok((rows, is_as_put_out, differing));
            }
            let argument = Argument { last_digit: last, ..self.of_pass(whole, shift) };
            self.launch(Step::Scatter, tiles(rows), &argument)?;
            (self.side, rows, is_as_put_out) = (1 - self.side, left, false);
            self.stream.upload(&self.left, 0, &left.to_le_bytes())?;
            self.count = self.left.ptr().0;
        }
    }

    /// The sorted rows' numbers: where they lie.
    pub(super) fn order(&self) -> u64 {
        self.sides[self.side].1.ptr().0
    }

    /// The words of all rows as they were put out, the first words of all before the second ones: where they lie.
    pub(super) fn words(&self) -> u64 {
        self.words.ptr().0
    }

    /// Downloads the words of the first `rows` sorted rows, those of a row one after another. Waits for the device.
    pub(super) fn sorted_words(&self, rows: usize) -> Result<Vec<u64>> {
        let count = self.plan.words();
        let mut found = vec![0_u64; rows * count];
        let mut bytes = vec![0; rows * 8];
        for word in 0..count {
            self.take_word(word, rows as u64)?;
            self.stream.download(&self.sides[self.side].0, 0, &mut bytes)?;
            for (row, value) in bytes.as_chunks().0.iter().enumerate() {
                found[row * count + word] = u64::from_le_bytes(*value);
            }
        }
        Ok(found)
    }

    fn make_words(&self, emitted: &Emitted) -> Result<()> {
        if self.plan.pieces.iter().all(|piece| piece.bits == 0 && !piece.has_null_bit) {
            self.stream.fill(&self.words, 0, self.words.len(), 0)?;
        }
        for (pieces, words) in self.plan.launches() {
            let argument = Argument { word: words as u64, pieces, ..Argument::default() };
            self.launch_over(Step::Words, tiles(self.capacity), &argument, Some(emitted))?;
        }
        Ok(())
    }

    /// Of each word. Waits for the device.
    fn differing_bits(&self, rows: u64, is_as_put_out: bool) -> Result<Vec<u64>> {
        self.stream.fill(&self.found, 0, self.found.len(), 0)?;
        for word in 0..self.plan.words() {
            if !is_as_put_out {
                self.take_word(word, rows)?;
            }
            let argument = self.of_pass(is_as_put_out.then_some(word), 0);
            self.launch(Step::Differences, tiles(rows), &Argument { word: word as u64, ..argument })?;
        }
        self.found(self.plan.words())
    }

    /// Counts digits, and asks where the rows of each would begin. Waits for the device.
    fn begins(&self, whole: Option<usize>, shift: u32, rows: u64) -> Result<Vec<u64>> {
        let argument = self.of_pass(whole, shift);
        self.places(&argument, rows)?;
        self.launch(Step::Begins, 1, &argument)?;
        self.found(DIGITS as usize)
    }

    fn found(&self, count: usize) -> Result<Vec<u64>> {
        let mut bytes = vec![0; count * 8];
        self.stream.download(&self.found, 0, &mut bytes)?;
        Ok(bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }

    /// A word in the order so far.
    fn take_word(&self, word: usize, rows: u64) -> Result<()> {
        self.launch(Step::Take, tiles(rows), &Argument { word: word as u64, to: self.side, ..Argument::default() })
    }

    /// What a pass over a digit is told: of the words as they were laid, where rows are as they were put out.
    fn of_pass(&self, whole: Option<usize>, shift: u32) -> Argument<'static> {
        let from = whole.map(|word| self.words.ptr().0 + word as u64 * self.capacity * 8);
        Argument { from, shift: u64::from(shift), to: 1 - self.side, ..Argument::default() }
    }

    fn places(&self, argument: &Argument<'_>, rows: u64) -> Result<()> {
        let (tiles, chunks) = (tiles(rows), (tiles(rows) * DIGITS).div_ceil(TILE_ROWS as u64));
        [(Step::Count, tiles), (Step::Sums, chunks), (Step::Bases, 1), (Step::Places, chunks)]
            .into_iter()
            .try_for_each(|(step, tiles)| self.launch(step, tiles, argument))
    }

    fn pass(&mut self, whole: Option<usize>, shift: u32, rows: u64) -> Result<()> {
        let argument = self.of_pass(whole, shift);
        self.places(&argument, rows)?;
        self.launch(Step::Scatter, tiles(rows), &argument)?;
        self.side = 1 - self.side;
        Ok(())
    }

    fn launch(&self, step: Step, tiles: u64, argument: &Argument<'_>) -> Result<()> {
        self.launch_over(step, tiles, argument, None)
    }

    fn launch_over(&self, step: Step, tiles: u64, argument: &Argument<'_>, emitted: Option<&Emitted>) -> Result<()> {
        let (words, order) = &self.sides[self.side];
        let (to, to_order) = &self.sides[argument.to];
        let mut parameters = vec![
            step as u64,
            self.count,
            self.capacity,
            self.words.ptr().0,
            self.plan.words() as u64,
            argument.word,
            argument.shift,
            argument.last_digit,
            argument.pieces.len() as u64,
            argument.from.unwrap_or(words.ptr().0),
            order.ptr().0,
            to.ptr().0,
            to_order.ptr().0,
            self.counts.ptr().0,
            self.sums.ptr().0,
            self.found.ptr().0,
            argument.result,
        ];
        for number in 0..PIECES_A_LAUNCH {
            let piece = argument.pieces.get(number).zip(emitted);
            parameters.extend(piece.map_or([0; 5], |(piece, emitted)| described(piece, emitted)));
        }
        launch_tiles(self.handle, self.stream, &self.kernel, tiles, SHARED_BYTES, &parameters)
    }
}

fn tiles(rows: u64) -> u64 {
    rows.div_ceil(TILE_ROWS as u64)
}

/// The lowest bits of digits that hold all of these.
fn digits(mut bits: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let shift = (bits != 0).then(|| bits.trailing_zeros().min(u64::BITS - DIGIT_BITS))?;
        bits &= !(0xff << shift);
        Some(shift)
    })
}

/// What a step is told besides.
struct Argument<'a> {
    word: u64,
    shift: u64,
    last_digit: u64,
    /// The words that a pass begins with, where they are not those of the last one.
    from: Option<u64>,
    /// The side that is written.
    to: usize,
    pieces: &'a [SortPiece],
    result: u64,
}

impl Default for Argument<'_> {
    fn default() -> Self {
        Self { word: 0, shift: 0, last_digit: DIGITS, from: None, to: 0, pieces: &[], result: 0 }
    }
}

/// A piece as the kernel has it.
fn described(piece: &SortPiece, emitted: &Emitted) -> [u64; 5] {
    let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
    let how = flag(matches!(piece.shape.repr, Repr::F32 | Repr::F64), FLOAT)
        | flag(piece.descending, DESCENDING)
        | flag(piece.has_null_bit, NULL_BIT)
        | flag(piece.nulls_first, NULLS_FIRST);
    [
        emitted.data(piece.column),
        emitted.valid(piece.column),
        piece.least as u64,
        (piece.least >> 64) as u64,
        piece.shape.bytes() as u64 | u64::from(piece.bits) << 8 | how << 16,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_cover_the_bits_that_differ_and_no_others() {
        let of = |bits| digits(bits).collect::<Vec<_>>();
        assert!(of(0).is_empty());
        assert_eq!(of(1), [0]);
        assert_eq!(of(0b1_0000_0001_0000), [4, 12]);
        assert_eq!(of(u64::MAX), [0, 8, 16, 24, 32, 40, 48, 56]);
        assert_eq!(of(1 << 63), [56]);
        assert_eq!(of(0x8000_0000_00ff_0000), [16, 56]);
    }
}
