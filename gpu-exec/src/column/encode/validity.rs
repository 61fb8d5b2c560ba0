//! Validity bitmaps: gathered over batches, made only when the first NULL is met.

use std::ops::Range;

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::NullBuffer;

use crate::column::padded_rows;

/// Collects the validity of one column; starts a bitmap at the first NULL.
#[derive(Debug, Default)]
pub(super) struct ValidityBuilder {
    rows: usize,
    nulls: usize,
    bits: Option<BooleanBufferBuilder>,
}

impl ValidityBuilder {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn nulls(&self) -> usize {
        self.nulls
    }

    /// Appends `rows` rows; without `nulls` all of them are valid.
    pub(super) fn push(&mut self, rows: usize, nulls: Option<&NullBuffer>) {
        match (nulls, &mut self.bits) {
            (None, None) => {}
            (None, Some(bits)) => bits.append_n(rows, true),
            (Some(nulls), bits) => {
                let before = self.rows;
                let bits = bits.get_or_insert_with(|| {
                    let mut bits = BooleanBufferBuilder::new(padded_rows(before + rows));
                    bits.append_n(before, true);
                    bits
                });
                bits.append_buffer(nulls.inner());
                self.nulls += nulls.null_count();
            }
        }
        self.rows += rows;
    }

    /// The bitmap, padded with zeros to whole tiles; `None` without NULL.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let mut bytes = self.bits?.finish().inner().as_slice().to_vec();
        bytes.truncate(self.rows.div_ceil(8));
        bytes.resize(padded_rows(self.rows) / 8, 0);
        Some(bytes)
    }
}

/// Calls `f` with every row that is NULL.
pub(super) fn for_each_null(validity: &[u8], rows: usize, mut f: impl FnMut(usize)) {
    for (at, byte) in validity.iter().take(rows.div_ceil(8)).enumerate() {
        let mut absent = !byte;
        while absent != 0 {
            let row = at * 8 + absent.trailing_zeros() as usize;
            if row < rows {
                f(row);
            }
            absent &= absent - 1;
        }
    }
}

/// The bitmap of some of the rows, which start at a whole byte.
pub(super) fn slice(bits: &[u8], rows: &Range<usize>) -> Vec<u8> {
    let mut some = bits[rows.start / 8..rows.end.div_ceil(8)].to_vec();
    if let (Some(last), used @ 1..) = (some.last_mut(), rows.len() % 8) {
        *last &= (1 << used) - 1;
    }
    some.resize(padded_rows(rows.len()) / 8, 0);
    some
}
