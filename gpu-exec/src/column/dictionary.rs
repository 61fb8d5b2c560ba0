//! Order-preserving dictionaries: distinct texts in ascending byte order; a code is a position.
//!
//! Segments are read with dictionaries of their own; [`Dictionary::union`] makes one for a whole table, and
//! [`Remap::between`] says how each segment's codes change. Building one from rows is the text encoder's work.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, StringArray};

use super::EncodeError;
use super::derived::Derived;

/// The texts of a column. They never change, and are shared by the segments of a table.
#[derive(Debug)]
pub struct Dictionary {
    /// Strictly ascending bytewise, no NULL.
    values: StringArray,
    derived: Derived,
}

/// How codes of one dictionary become codes of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remap {
    /// Codes stay what they are.
    Identity,
    /// `table[old] = new`, strictly ascending.
    Table(Vec<u32>),
}

impl Dictionary {
    /// Takes values that are already distinct and ascending.
    pub fn from_sorted(values: StringArray) -> Self {
        debug_assert!(values.iter().zip(values.iter().skip(1)).all(|(a, b)| a < b));
        Self { values, derived: Derived::default() }
    }

    /// A dictionary without entries.
    pub fn empty() -> Self {
        Self::from_sorted(StringArray::new_null(0))
    }

    /// Builds from ascending, distinct texts; an error where they exceed what one dictionary can hold (2 GiB).
    pub(crate) fn from_ascending<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Result<Self, EncodeError> {
        let bytes: usize = texts.clone().map(str::len).sum();
        if i32::try_from(bytes).is_err() {
            return Err(EncodeError::DictionaryTooLarge { bytes });
        }
        Ok(Self::from_sorted(StringArray::from_iter_values(texts)))
    }

    pub fn values(&self) -> &StringArray {
        &self.values
    }

    /// What was computed of the entries.
    pub fn derived(&self) -> &Derived {
        &self.derived
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Host memory of the entries, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.values.get_buffer_memory_size()
    }

    /// The code of a text, or the position where it would stand.
    pub fn find(&self, text: &str) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.values.value(middle).cmp(text) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// The first position from `start` on whose text is not less. The next one is often near: strides double until it is passed.
    fn find_from(&self, start: usize, text: &str) -> usize {
        let (mut low, mut stride) = (start, 1);
        while low + stride <= self.len() && self.values.value(low + stride - 1) < text {
            low += stride;
            stride *= 2;
        }
        let mut high = (low + stride).min(self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.values.value(middle) < text { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// One dictionary with the entries of all. Where one of them already holds every entry, it is used itself.
    pub fn union(dictionaries: &[Arc<Dictionary>]) -> Result<Arc<Dictionary>, EncodeError> {
        match distinct(dictionaries).as_slice() {
            [] => Ok(Arc::new(Dictionary::empty())),
            [only] => Ok(Arc::clone(only)),
            several => merge(several),
        }
    }
}

/// Length and ends of a dictionary: equal for equal ones.
type Likeness<'a> = (usize, Option<&'a str>, Option<&'a str>);

/// The different ones among the dictionaries.
fn distinct(dictionaries: &[Arc<Dictionary>]) -> Vec<&Arc<Dictionary>> {
    let mut distinct: Vec<&Arc<Dictionary>> = Vec::new();
    // Only dictionaries alike in length and ends are compared entry by entry: a table may have thousands.
    let mut alike: HashMap<Likeness<'_>, Vec<usize>> = HashMap::new();
    for dictionary in dictionaries {
        let values = &dictionary.values;
        let end = |at: Option<usize>| at.filter(|at| *at < values.len()).map(|at| values.value(at));
        let candidates = alike.entry((values.len(), end(Some(0)), end(values.len().checked_sub(1)))).or_default();
        let same = |at: &usize| Arc::ptr_eq(distinct[*at], dictionary) || distinct[*at].values == *values;
        if !candidates.iter().any(same) {
            candidates.push(distinct.len());
            distinct.push(dictionary);
        }
    }
    distinct
}

/// Merges sorted dictionaries through a heap of their next entries.
fn merge(dictionaries: &[&Arc<Dictionary>]) -> Result<Arc<Dictionary>, EncodeError> {
    let mut merged: Vec<&str> = Vec::new();
    let next = |source: usize, at: usize| {
        let values = &dictionaries[source].values;
        (at < values.len()).then(|| Reverse((values.value(at), source, at)))
    };
    let mut heap: BinaryHeap<_> = (0..dictionaries.len()).filter_map(|source| next(source, 0)).collect();
    while let Some(Reverse((text, source, at))) = heap.pop() {
        if merged.last() != Some(&text) {
            merged.push(text);
        }
        heap.extend(next(source, at + 1));
    }
    if u32::try_from(merged.len()).is_err() {
        return Err(EncodeError::DictionaryTooLarge { bytes: usize::MAX });
    }
    let whole = dictionaries.iter().find(|d| d.len() == merged.len());
    match whole {
        Some(whole) => Ok(Arc::clone(whole)),
        None => Ok(Arc::new(Dictionary::from_ascending(merged.iter().copied())?)),
    }
}

impl Remap {
    /// From codes of a dictionary to those of one that has all its entries, and maybe more.
    pub fn between(from: &Dictionary, all: &Dictionary) -> Self {
        if std::ptr::eq(from, all) {
            return Remap::Identity;
        }
        let mut table = Vec::with_capacity(from.len());
        let mut next = 0;
        for text in from.values.iter().flatten() {
            next = all.find_from(next, text);
            debug_assert!(next < all.len() && all.values.value(next) == text);
            table.push(next as u32);
        }
        Self::from_table(table)
    }

    fn from_table(table: Vec<u32>) -> Self {
        // Ascending without gaps from 0 is where every entry keeps its code.
        let identity = table.last().is_none_or(|last| *last as usize + 1 == table.len());
        if identity { Remap::Identity } else { Remap::Table(table) }
    }

    /// The new code of an old one; a code outside the table stays (it stands under a NULL of a column without values).
    pub fn apply(&self, code: u32) -> u32 {
        match self {
            Remap::Identity => code,
            Remap::Table(table) => table.get(code as usize).copied().unwrap_or(code),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn dictionary(texts: &[&str]) -> Arc<Dictionary> {
        Arc::new(Dictionary::from_ascending(texts.iter().copied()).unwrap())
    }

    /// The union, and what becomes of the codes of each.
    fn united(parts: &[Arc<Dictionary>]) -> (Arc<Dictionary>, Vec<Remap>) {
        let union = Dictionary::union(parts).unwrap();
        let remaps = parts.iter().map(|part| Remap::between(part, &union)).collect();
        (union, remaps)
    }

    #[test]
    fn equal_dictionaries_are_shared() {
        let (a, b) = (dictionary(&["a", "b"]), dictionary(&["a", "b"]));
        let (union, remaps) = united(&[Arc::clone(&a), b, Arc::clone(&a)]);
        assert!(Arc::ptr_eq(&union, &a));
        assert_eq!(remaps, vec![Remap::Identity; 3]);
    }

    #[test]
    fn different_dictionaries_are_merged_in_byte_order() {
        let parts =
            [dictionary(&["", "b", "z", "ä"]), dictionary(&["a", "b", "語"]), dictionary(&[]), dictionary(&["", "a"])];
        let (union, remaps) = united(&parts);
        let texts: Vec<_> = union.values().iter().flatten().collect();
        assert_eq!(texts, ["", "a", "b", "z", "ä", "語"]);
        assert_eq!(remaps[0], Remap::Table(vec![0, 2, 3, 4]));
        assert_eq!(remaps[1], Remap::Table(vec![1, 2, 5]));
        assert_eq!(remaps[2..], [Remap::Identity, Remap::Identity]);
    }

    #[test]
    fn a_dictionary_that_holds_all_entries_is_kept() {
        let (all, part) = (dictionary(&["a", "b", "c"]), dictionary(&["b"]));
        let (union, remaps) = united(&[part, Arc::clone(&all)]);
        assert!(Arc::ptr_eq(&union, &all));
        assert_eq!(remaps, [Remap::Table(vec![1]), Remap::Identity]);
        assert_eq!(Dictionary::union(&[]).unwrap().len(), 0);
    }

    #[test]
    fn entries_far_apart_are_found() {
        let texts: Vec<String> = (0..1000).map(|number| format!("{number:04}")).collect();
        let all = dictionary(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        for step in [1, 2, 3, 17, 400, 999] {
            let few = dictionary(&texts.iter().step_by(step).map(String::as_str).collect::<Vec<_>>());
            let table: Vec<u32> = (0..1000).step_by(step).collect();
            assert_eq!(Remap::between(&few, &all), if step == 1 { Remap::Identity } else { Remap::Table(table) });
        }
    }

    #[test]
    fn texts_are_found_by_code() {
        let all = dictionary(&["a", "c"]);
        assert_eq!((all.find("a"), all.find("b"), all.find("c"), all.find("d")), (Ok(0), Err(1), Ok(1), Err(2)));
    }
}
