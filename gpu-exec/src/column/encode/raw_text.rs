//! Text of every Arrow kind as it is: where each row's text begins, then all bytes one after another.
//!
//! Nothing is hashed or sorted, so it costs a copy, however many different texts there are.
//! [`Stored::RawText`](crate::column::Stored::RawText) describes the form.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::EncodeError;
use super::text::Texts;
use crate::column::padded_rows;

/// Gathers the texts of one segment.
#[derive(Debug)]
pub(super) struct RawTextEncoder {
    bytes: Vec<u8>,
    /// Where each row's text ends in `bytes`.
    ends: Vec<u32>,
}

impl RawTextEncoder {
    pub(super) fn new(rows: usize) -> Self {
        Self { bytes: Vec::new(), ends: Vec::with_capacity(rows) }
    }

    pub(super) fn push(&mut self, array: &dyn Array, nulls: Option<&NullBuffer>) -> Result<(), EncodeError> {
        match array.data_type() {
            DataType::LargeUtf8 if nulls.is_none() => self.push_whole(array.as_string()),
            DataType::Dictionary(_, _) => {
                let mismatch = |_| EncodeError::Type { data_type: array.data_type().clone(), target: "text" };
                let plain: ArrayRef = cast(&array.slice(0, array.len()), &DataType::LargeUtf8).map_err(mismatch)?;
                self.push_each(Texts::new(plain.as_ref())?, array.len(), nulls)
            }
            _ => self.push_each(Texts::new(array)?, array.len(), nulls),
        }
    }

    /// All texts at once: they lie side by side already.
    fn push_whole(&mut self, array: &LargeStringArray) -> Result<(), EncodeError> {
        let offsets = array.value_offsets();
        let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return Ok(()) };
        let before = self.bytes.len() as u64;
        self.room(before + (last - first) as u64)?;
        self.bytes.extend_from_slice(&array.value_data()[*first as usize..*last as usize]);
        self.ends.extend(offsets.iter().skip(1).map(|end| (before + (end - first) as u64) as u32));
        Ok(())
    }

    fn push_each(&mut self, texts: Texts<'_>, rows: usize, nulls: Option<&NullBuffer>) -> Result<(), EncodeError> {
        for row in 0..rows {
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                self.bytes.extend_from_slice(texts.value(row).as_bytes());
            }
            self.ends.push(self.room(self.bytes.len() as u64)?);
        }
        Ok(())
    }

    /// So many bytes as a distance, if that is possible.
    fn room(&self, bytes: u64) -> Result<u32, EncodeError> {
        u32::try_from(bytes).map_err(|_| EncodeError::TextTooLarge { bytes })
    }

    /// Distances and texts. Distances are padded to whole tiles: rows past the last have no bytes.
    pub(super) fn finish(self) -> Result<Vec<u8>, EncodeError> {
        let Self { bytes, mut ends } = self;
        let entries = padded_rows(ends.len()) + 1;
        let begin = (entries * 4).next_multiple_of(16);
        require_room(begin, bytes.len())?;
        ends.resize(entries - 1, bytes.len() as u32);
        let mut data = Vec::with_capacity((begin + bytes.len()).next_multiple_of(16));
        let starts = std::iter::once(&0).chain(&ends);
        data.extend(starts.enumerate().flat_map(|(row, start)| ((begin - row * 4) as u32 + start).to_le_bytes()));
        data.resize(begin, 0);
        data.extend_from_slice(&bytes);
        // Texts are read by aligned words.
        data.resize(data.len().next_multiple_of(16), 0);
        Ok(data)
    }
}

/// Every distance fits 32 bits.
fn require_room(begin: usize, bytes: usize) -> Result<(), EncodeError> {
    let whole = begin as u64 + bytes as u64;
    if u32::try_from(whole).is_ok() { Ok(()) } else { Err(EncodeError::TextTooLarge { bytes: bytes as u64 }) }
}

/// Where a row's text begins.
fn start(data: &[u8], row: usize) -> usize {
    let at = row * 4;
    let distance = data[at..at + 4].iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    at + distance
}

/// Encoded texts as an array.
pub(super) fn texts(data: &[u8], rows: usize, validity: Option<&[u8]>) -> LargeStringArray {
    let valid = |row: usize| validity.is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1);
    let text = |row: usize| str::from_utf8(&data[start(data, row)..start(data, row + 1)]).ok().filter(|_| valid(row));
    (0..rows).map(text).collect()
}

/// Rows of encoded texts as texts by themselves.
pub(super) fn slice(data: &[u8], rows: Range<usize>) -> Vec<u8> {
    let start = |row: usize| start(data, row);
    let entries = padded_rows(rows.len()) + 1;
    let begin = (entries * 4).next_multiple_of(16);
    let first = start(rows.start);
    let mut some = Vec::with_capacity(begin + start(rows.end) - first + 16);
    for row in 0..entries {
        let before = start((rows.start + row).min(rows.end)) - first;
        some.extend(((begin - row * 4 + before) as u32).to_le_bytes());
    }
    some.resize(begin, 0);
    some.extend_from_slice(&data[first..start(rows.end)]);
    some.resize(some.len().next_multiple_of(16), 0);
    some
}
