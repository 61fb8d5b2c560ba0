//! Text of every Arrow kind to codes of a sorted dictionary.
//!
//! Distinct texts get provisional numbers as they are met; at the end they are sorted and every code is replaced by
//! its text's rank. Arrays that come with a dictionary are never hashed row by row: each dictionary entry in use is
//! looked up once. Entries no row uses do not enter the dictionary.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, StringArray, StringViewArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Int32Type};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::EncodeError;
use super::validity::for_each_null;
use crate::column::prefix::{Keyed, Prefix};
use crate::column::{ChunkFacts, Dictionary, Stored};
use crate::ir::IntWidth;

/// A dictionary entry that no row has used yet.
const UNUSED: u32 = u32::MAX;

/// Encodes text to codes, building the dictionary on the way.
#[derive(Debug)]
pub(super) struct TextEncoder {
    interner: Interner,
    /// Provisional numbers, one a row; 0 under a NULL.
    codes: Vec<u32>,
    /// The dictionary of the last array that brought one, and its entries' provisional numbers: batches of one row
    /// group share it.
    entries: Option<(ArrayRef, Vec<u32>)>,
}

/// Distinct texts, numbered in the order they were met.
#[derive(Debug, Default)]
struct Interner {
    bytes: String,
    /// Where each text ends in `bytes`.
    ends: Vec<usize>,
    /// Of each text, so that a table that grows does not read them all again.
    hashes: Vec<u64>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// The string arrays behind one face.
#[derive(Clone, Copy)]
pub(super) enum Texts<'a> {
    Utf8(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl<'a> Texts<'a> {
    pub(super) fn new(array: &'a dyn Array) -> Result<Self, EncodeError> {
        match array.data_type() {
            DataType::Utf8 => Ok(Texts::Utf8(array.as_string())),
            DataType::LargeUtf8 => Ok(Texts::Large(array.as_string())),
            DataType::Utf8View => Ok(Texts::View(array.as_string_view())),
            other => Err(EncodeError::Type { data_type: other.clone(), target: "text" }),
        }
    }

    pub(super) fn value(self, row: usize) -> &'a str {
        match self {
            Texts::Utf8(array) => array.value(row),
            Texts::Large(array) => array.value(row),
            Texts::View(array) => array.value(row),
        }
    }
}

impl TextEncoder {
    pub(super) fn new(rows: usize) -> Self {
        Self { interner: Interner::default(), codes: Vec::with_capacity(rows), entries: None }
    }

    pub(super) fn push(&mut self, array: &dyn Array, nulls: Option<&NullBuffer>) -> Result<(), EncodeError> {
        match array.data_type() {
            DataType::Dictionary(_, _) => self.push_dictionary(array, nulls),
            _ => self.push_plain(Texts::new(array)?, array.len(), nulls),
        }
    }

    fn push_plain(&mut self, texts: Texts<'_>, rows: usize, nulls: Option<&NullBuffer>) -> Result<(), EncodeError> {
        for row in 0..rows {
            let valid = nulls.is_none_or(|nulls| nulls.is_valid(row));
            let code = if valid { self.interner.number(texts.value(row))? } else { 0 };
            self.codes.push(code);
        }
        Ok(())
    }

    fn push_dictionary(&mut self, array: &dyn Array, nulls: Option<&NullBuffer>) -> Result<(), EncodeError> {
        let dictionary = array.as_any_dictionary();
        let values = dictionary.values();
        let mut numbers = match self.entries.take() {
            Some((known, numbers)) if same_array(&known, values) => numbers,
            _ => vec![UNUSED; values.len()],
        };
        let texts = Texts::new(values.as_ref())?;
        if let Some(keyed) = array.as_dictionary_opt::<Int32Type>() {
            let keys = keyed.keys().values().iter().map(|key| *key as usize);
            self.push_keys(keys, texts, &mut numbers, nulls)?;
        } else if !values.is_empty() {
            // `normalized_keys` needs at least one entry: without one every row is NULL.
            self.push_keys(dictionary.normalized_keys().into_iter(), texts, &mut numbers, nulls)?;
        } else {
            self.codes.resize(self.codes.len() + array.len(), 0);
        }
        self.entries = Some((Arc::clone(values), numbers));
        Ok(())
    }

    fn push_keys(
        &mut self,
        keys: impl Iterator<Item = usize>,
        texts: Texts<'_>,
        numbers: &mut [u32],
        nulls: Option<&NullBuffer>,
    ) -> Result<(), EncodeError> {
        for (row, key) in keys.enumerate() {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                self.codes.push(0);
                continue;
            }
            let number = numbers.get_mut(key).ok_or(EncodeError::DictionaryKey)?;
            if *number == UNUSED {
                *number = self.interner.number(texts.value(key))?;
            }
            self.codes.push(*number);
        }
        Ok(())
    }

    /// Sorts the texts and turns provisional numbers into ranks.
    pub(super) fn finish(
        self,
        validity: Option<&[u8]>,
        facts: ChunkFacts,
    ) -> Result<(Vec<u8>, Stored, ChunkFacts, i128), EncodeError> {
        let Self { interner, mut codes, .. } = self;
        let count = interner.ends.len();
        let texts = || (0..count as u32).map(|number| interner.text(number));
        let prefix = Prefix::of(texts());
        let mut order: Vec<(Keyed<'_>, u32)> = texts().map(|text| prefix.keyed(text)).zip(0..).collect();
        order.sort_unstable_by_key(|(text, _)| *text);
        let dictionary = Dictionary::from_ascending(order.iter().map(|(keyed, _)| keyed.text))?;
        let mut ranks = vec![0_u32; count.max(1)];
        for (rank, (_, number)) in (0..).zip(&order) {
            ranks[*number as usize] = rank;
        }
        for code in &mut codes {
            *code = ranks[*code as usize];
        }
        if let Some(validity) = validity {
            for_each_null(validity, codes.len(), |row| codes[row] = 0);
        }
        let width = IntWidth::for_codes(count);
        let range = count.checked_sub(1).map(|last| (0, last as i128));
        let stored = Stored::Codes { width, dictionary: Arc::new(dictionary) };
        Ok((narrow_codes(&codes, width), stored, ChunkFacts { range, ..facts }, 0))
    }
}

/// Codes at the given width, little-endian; the caller knows that they fit.
fn narrow_codes(codes: &[u32], width: IntWidth) -> Vec<u8> {
    match width {
        IntWidth::W8 => codes.iter().map(|code| *code as u8).collect(),
        IntWidth::W16 => codes.iter().flat_map(|code| (*code as u16).to_le_bytes()).collect(),
        IntWidth::W32 | IntWidth::W64 | IntWidth::W128 => codes.iter().flat_map(|code| code.to_le_bytes()).collect(),
    }
}

/// Whether two arrays are the very same values in memory.
fn same_array(a: &ArrayRef, b: &ArrayRef) -> bool {
    Arc::ptr_eq(a, b) || (a.len() == b.len() && a.to_data().ptr_eq(&b.to_data()))
}

impl Interner {
    fn text(&self, number: u32) -> &str {
        text_at(&self.bytes, &self.ends, number)
    }

    /// The number of a text, new or known.
    fn number(&mut self, text: &str) -> Result<u32, EncodeError> {
        let Self { bytes, ends, hashes, table, hasher } = self;
        let hash = hasher.hash_one(text);
        if let Some(known) = table.find(hash, |number| text_at(bytes, ends, *number) == text) {
            return Ok(*known);
        }
        let number = u32::try_from(ends.len()).ok().filter(|number| *number != UNUSED);
        let number = number.ok_or(EncodeError::DictionaryTooLarge { bytes: bytes.len() })?;
        bytes.push_str(text);
        ends.push(bytes.len());
        hashes.push(hash);
        table.insert_unique(hash, number, |number| hashes[*number as usize]);
        Ok(number)
    }
}

fn text_at<'a>(bytes: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[start..ends[number]]
}
