//! Some rows of an encoded chunk, in the form that the column has in all its chunks: what is uploaded of a chunk that waits
//! in host memory because the device has no room for all of it.

use std::ops::Range;
use std::sync::Arc;

use super::EncodedChunk;
use super::{raw_text, validity};
use crate::column::{Dictionary, Remap, Stored, TILE_ROWS, padded_rows};
use crate::ir::IntWidth;

/// The form of a column whose chunks were encoded one by one.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// Codes of one dictionary.
    Codes { width: IntWidth, dictionary: Arc<Dictionary> },
    /// Integers of one layout, a value of the column under NULLs; `None` where it has no value.
    Integers { range: Option<(i128, i128)> },
    /// Every chunk has it already.
    Own,
}

impl EncodedChunk {
    /// Host memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.data.len() + self.validity.as_ref().map_or(0, Vec::len)
    }

    /// Rows of the chunk in a form, as a chunk by themselves. They start at a tile's begin. Facts stay those of all rows.
    /// `remap`: from its codes to those of the form, where it has any.
    pub(crate) fn slice(&self, rows: Range<usize>, form: &Form, remap: &Remap) -> Self {
        debug_assert!(rows.start.is_multiple_of(TILE_ROWS) && rows.end <= self.rows);
        let (width, padded) = (self.stored.bytes(), padded_rows(rows.len()));
        let data = match (&self.stored, form) {
            (Stored::RawText, _) => raw_text::slice(&self.data, rows.clone()),
            (Stored::Codes { .. }, Form::Codes { width: wide, .. }) => {
                recoded(&self.data[rows.start * width..rows.end * width], width, *wide, remap, padded)
            }
            _ => {
                let mut data = self.data[rows.start * width..rows.end * width].to_vec();
                data.resize(padded * width, 0);
                data
            }
        };
        let stored = match form {
            Form::Codes { width, dictionary } => Stored::Codes { width: *width, dictionary: Arc::clone(dictionary) },
            Form::Integers { .. } | Form::Own => self.stored.clone(),
        };
        let (facts, parts, filler) = (self.facts, vec![], self.filler);
        let validity = self.validity.as_ref().map(|bits| validity::slice(bits, &rows));
        let slice = Self { rows: rows.len(), data, validity, stored, facts, parts, filler };
        slice.refilled(form)
    }

    /// Under NULLs stands a value of the column: it is computed with.
    fn refilled(mut self, form: &Form) -> Self {
        let (Form::Integers { range: Some((min, max)) }, Stored::Int { width, base }) = (form, &self.stored) else {
            return self;
        };
        let is_all_null = self.facts.range.is_none();
        if is_all_null && !(*min..=*max).contains(&self.filler) {
            let value = min.wrapping_sub(*base).to_le_bytes();
            self.data.chunks_mut(width.bytes()).for_each(|stored| stored.copy_from_slice(&value[..stored.len()]));
            self.filler = *min;
        }
        self
    }
}

/// Codes of `from` bytes as codes of another width and dictionary, padded to `rows`.
fn recoded(codes: &[u8], from: usize, to: IntWidth, remap: &Remap, rows: usize) -> Vec<u8> {
    let mut data = Vec::with_capacity(rows * to.bytes());
    for code in codes.chunks(from) {
        let mut wide = [0; 4];
        wide[..from].copy_from_slice(code);
        let code = remap.apply(u32::from_le_bytes(wide));
        data.extend_from_slice(&code.to_le_bytes()[..to.bytes()]);
    }
    data.resize(rows * to.bytes(), 0);
    data
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use arrow::array::{Array, Int64Array, StringArray};

    use super::*;
    use crate::column::{ChunkEncoder, IntLayout, Target};

    const ROWS: usize = 3 * TILE_ROWS + 77;

    fn encoded(array: &dyn Array, target: Target, filler: i128) -> EncodedChunk {
        let mut encoder = ChunkEncoder::new(target, array.len());
        encoder.push(array).unwrap();
        encoder.finish(filler).unwrap()
    }

    fn texts() -> StringArray {
        (0..ROWS).map(|row| (row % 5 != 2).then(|| "é".repeat(row % 9) + &(row % 700).to_string())).collect()
    }

    #[test]
    fn slices_are_what_their_rows_encode_to() {
        let numbers: Int64Array = (0..ROWS as i64).map(|row| (row % 3 != 0).then_some(row - 500)).collect();
        let layout = IntLayout::for_range(Some((-500, ROWS as i128)));
        for rows in [0..TILE_ROWS, TILE_ROWS..ROWS, 2 * TILE_ROWS..2 * TILE_ROWS + 9, 0..ROWS, 0..0] {
            let whole = encoded(&numbers, Target::Int(layout), 7).slice(rows.clone(), &Form::Own, &Remap::Identity);
            let part = encoded(&numbers.slice(rows.start, rows.len()), Target::Int(layout), 7);
            assert_eq!((whole.rows, whole.data.len()), (part.rows, part.data.len()));
            if part.facts.nulls > 0 {
                assert_eq!(whole.validity, part.validity, "{rows:?}");
            }
            let whole = encoded(&texts(), Target::RawText, 0).slice(rows.clone(), &Form::Own, &Remap::Identity);
            let part = encoded(&texts().slice(rows.start, rows.len()), Target::RawText, 0);
            assert_eq!(whole.data, part.data, "{rows:?}");
        }
    }

    #[test]
    fn codes_get_the_dictionary_of_all() {
        let chunk = encoded(&texts(), Target::Text, 0);
        let Stored::Codes { dictionary, .. } = chunk.stored.clone() else { unreachable!() };
        let other: Vec<String> = (0..70_000).map(|number| format!("other {number}")).collect();
        let other = encoded(&StringArray::from(other), Target::Text, 0);
        let Stored::Codes { dictionary: others, .. } = other.stored else { unreachable!() };
        let all = Dictionary::union(&[Arc::clone(&dictionary), others]).unwrap();
        let form = Form::Codes { width: IntWidth::for_codes(all.len()), dictionary: Arc::clone(&all) };
        let slice = chunk.slice(TILE_ROWS..ROWS, &form, &Remap::between(&dictionary, &all));
        assert_eq!(slice.stored.bytes(), 4);
        for (row, text) in texts().iter().enumerate().skip(TILE_ROWS) {
            let at = (row - TILE_ROWS) * 4;
            let code = u32::from_le_bytes(slice.data[at..at + 4].try_into().unwrap());
            assert!(text.is_none_or(|text| all.values().value(code as usize) == text), "{row}");
        }
    }

    #[test]
    fn a_value_of_the_column_stands_under_nulls() {
        let layout = IntLayout { width: IntWidth::W16, base: 0 };
        let nothing = Int64Array::from(vec![None; 9]);
        let form = Form::Integers { range: Some((300, 400)) };
        let slice = encoded(&nothing, Target::Int(layout), 0).slice(0..9, &form, &Remap::Identity);
        assert_eq!((&slice.data[..4], slice.filler), (&[44, 1, 44, 1][..], 300));
    }
}
