//! Some rows of an encoded chunk, in the form that the column has in all its chunks: what is uploaded of a chunk that waits
//! in host memory because the device has no room for all of it.

use std::ops::Range;
use std::sync::Arc;

use super::{ChunkEncoder, EncodeError, EncodedChunk, Target, raw_text, validity};
use crate::column::{Dictionary, IntLayout, Remap, Stored, TILE_ROWS, padded_rows};
use crate::ir::IntWidth;

/// The form of a column whose chunks were encoded one by one.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// Codes of one dictionary.
    Codes { width: IntWidth, dictionary: Arc<Dictionary> },
    /// Integers of one layout, a value of the column under NULLs; `None` where it has no value.
    Integers { layout: IntLayout, range: Option<(i128, i128)> },
    /// Every chunk has it already.
    Own,
}

impl EncodedChunk {
    /// Host memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let words = match &self.stored {
            Stored::Codes { dictionary, .. } => dictionary.bytes(),
            _ => 0,
        };
        self.data.capacity() + self.validity.as_ref().map_or(0, Vec::capacity) + words
    }

    /// The same rows with a dictionary, where they are raw text.
    pub(crate) fn coded(&self) -> Result<Option<Self>, EncodeError> {
        let Stored::RawText = self.stored else { return Ok(None) };
        let mut encoder = ChunkEncoder::new(Target::Text, self.rows);
        encoder.push(&raw_text::texts(&self.data, self.rows, self.validity.as_deref()))?;
        encoder.finish(0).map(Some)
    }

    /// The same rows with codes of `words`, where it holds all of theirs; what has others, or no codes, stays as it is.
    pub(crate) fn in_words(self, words: &Arc<Dictionary>) -> Result<Self, EncodeError> {
        let Stored::Codes { width: from, dictionary } = &self.stored else { return Ok(self) };
        let (union, remaps) = Dictionary::united(&[Arc::clone(words), Arc::clone(dictionary)])?;
        let (true, [_, remap]) = (Arc::ptr_eq(&union, words), remaps.as_slice()) else { return Ok(self) };
        let width = IntWidth::for_codes(words.len());
        let is_same = **remap == Remap::Identity && *from == width;
        let data = if is_same { None } else { Some(recoded(&self.data, from.bytes(), width, remap, self.padded())) };
        Ok(Self {
            data: data.unwrap_or(self.data),
            stored: Stored::Codes { width, dictionary: Arc::clone(words) },
            facts: self.facts.recoded(remap),
            filler: u32::try_from(self.filler).map_or(self.filler, |code| i128::from(remap.apply(code))),
            ..self
        })
    }

    fn padded(&self) -> usize {
        padded_rows(self.rows)
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
            (Stored::Int { width: narrow, base }, Form::Integers { layout, .. })
                if self.stored.layout() != Some(*layout) =>
            {
                let from = IntLayout { width: *narrow, base: *base };
                laid_out(&self.data[rows.start * width..rows.end * width], from, *layout, padded)
            }
            _ => {
                let mut data = self.data[rows.start * width..rows.end * width].to_vec();
                data.resize(padded * width, 0);
                data
            }
        };
        let stored = match form {
            Form::Codes { width, dictionary } => Stored::Codes { width: *width, dictionary: Arc::clone(dictionary) },
            Form::Integers { layout, .. } => layout.stored(),
            Form::Own => self.stored.clone(),
        };
        let (facts, parts, filler) = (self.facts, vec![], self.filler);
        let validity = self.validity.as_ref().map(|bits| validity::slice(bits, &rows));
        let slice = Self { rows: rows.len(), data, validity, stored, facts, parts, filler };
        slice.refilled(form)
    }

    /// Under NULLs stands a value of the column: it is computed with.
    fn refilled(mut self, form: &Form) -> Self {
        let (Form::Integers { range: Some((min, max)), .. }, Stored::Int { width, base }) = (form, &self.stored) else {
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

/// Integers of one layout in another that covers them, padded to `rows`. What stands under a NULL of a column without values
/// may wrap.
fn laid_out(stored: &[u8], from: IntLayout, to: IntLayout, rows: usize) -> Vec<u8> {
    let width = to.width.bytes();
    let shift = from.base.wrapping_sub(to.base);
    let mut data = Vec::with_capacity(rows * width);
    for value in stored.chunks(from.width.bytes()) {
        let sign = if value.last().is_some_and(|high| high >> 7 == 1) { u8::MAX } else { 0 };
        let mut wide = [sign; 16];
        wide[..value.len()].copy_from_slice(value);
        let value = i128::from_le_bytes(wide).wrapping_add(shift);
        data.extend_from_slice(&value.to_le_bytes()[..width]);
    }
    data.resize(rows * width, 0);
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
        let (all, remaps) = Dictionary::united(&[dictionary, others]).unwrap();
        let form = Form::Codes { width: IntWidth::for_codes(all.len()), dictionary: Arc::clone(&all) };
        let slice = chunk.slice(TILE_ROWS..ROWS, &form, &remaps[0]);
        assert_eq!(slice.stored.bytes(), 4);
        for (row, text) in texts().iter().enumerate().skip(TILE_ROWS) {
            let at = (row - TILE_ROWS) * 4;
            let code = u32::from_le_bytes(slice.data[at..at + 4].try_into().unwrap());
            assert!(text.is_none_or(|text| all.values().value(code as usize) == text), "{row}");
        }
    }

    #[test]
    fn codes_get_the_words_that_are_known_before() {
        let known = |words: &[String]| {
            let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
            words.sort_unstable();
            Arc::new(Dictionary::from_ascending(words.into_iter()).unwrap())
        };
        let more: Vec<String> = texts()
            .iter()
            .flatten()
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect();
        let all: Vec<String> = more.iter().cloned().chain((0..300).map(|number| format!("a {number}"))).collect();
        let words = known(&all);
        let chunk = encoded(&texts(), Target::Text, 0).in_words(&words).unwrap();
        let Stored::Codes { width, dictionary } = &chunk.stored else { unreachable!() };
        assert!(Arc::ptr_eq(dictionary, &words) && width.bytes() == 2);
        let (low, high) = chunk.facts.range.unwrap();
        for (row, text) in texts().iter().enumerate() {
            let code = u16::from_le_bytes(chunk.data[row * 2..row * 2 + 2].try_into().unwrap());
            assert!(text.is_none_or(|text| words.values().value(code.into()) == text), "{row}");
            assert!((low..=high).contains(&code.into()), "{row}");
        }
        let chunk = encoded(&texts(), Target::Text, 0).in_words(&known(&all[1..2])).unwrap();
        let Stored::Codes { dictionary, .. } = &chunk.stored else { unreachable!() };
        assert_eq!(dictionary.len(), more.len());
    }

    #[test]
    fn integers_get_the_layout_of_all() {
        let numbers: Int64Array = (0..ROWS as i64).map(|row| (row % 3 != 0).then_some(row - 500)).collect();
        let layouts =
            [(-500, ROWS as i128), (-500, 1 << 40), (i128::from(i64::MIN), i128::from(i64::MAX)), (-500, 1 << 70)]
                .map(|range| (range, IntLayout::for_range(Some(range))));
        let based = ((-40_000, 20_000), IntLayout { width: IntWidth::W16, base: -10_000 });
        let narrow = encoded(&numbers, Target::Int(layouts[0].1), -500);
        for (range, layout) in layouts.into_iter().chain([based]) {
            let form = Form::Integers { layout, range: Some(range) };
            let slice = narrow.slice(TILE_ROWS..ROWS, &form, &Remap::Identity);
            let whole =
                encoded(&numbers, Target::Int(layout), -500).slice(TILE_ROWS..ROWS, &Form::Own, &Remap::Identity);
            assert_eq!((slice.data, slice.stored.layout()), (whole.data, Some(layout)));
        }
    }

    #[test]
    fn raw_texts_can_get_a_dictionary_later() {
        let (raw, coded) = (encoded(&texts(), Target::RawText, 0), encoded(&texts(), Target::Text, 0));
        let later = raw.coded().unwrap().unwrap();
        assert_eq!((&later.data, &later.validity, later.facts), (&coded.data, &coded.validity, coded.facts));
        assert!(coded.coded().unwrap().is_none());
    }

    #[test]
    fn a_value_of_the_column_stands_under_nulls() {
        let layout = IntLayout { width: IntWidth::W16, base: 0 };
        let nothing = Int64Array::from(vec![None; 9]);
        let form = Form::Integers { layout, range: Some((300, 400)) };
        let slice = encoded(&nothing, Target::Int(layout), 0).slice(0..9, &form, &Remap::Identity);
        assert_eq!((&slice.data[..4], slice.filler), (&[44, 1, 44, 1][..], 300));
    }
}
