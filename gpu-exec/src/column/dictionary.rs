//! Order-preserving dictionaries: distinct texts in ascending byte order; a code is a position.
//!
//! Segments are read with dictionaries of their own; [`Dictionary::united`] makes one for a whole table, and says how
//! each segment's codes change. Building one from rows is the text encoder's work.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, StringArray, StringBuilder};

use super::EncodeError;
use super::derived::Derived;
use super::merge::{Merged, merge};

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
        let mut values = StringBuilder::with_capacity(texts.size_hint().0, bytes);
        texts.for_each(|text| values.append_value(text));
        Ok(Self::from_sorted(values.finish()))
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

    /// One dictionary with the entries of all. Where one of them already holds every entry, it is used itself.
    ///
    /// # Errors
    /// `DictionaryTooLarge` where the entries exceed what one dictionary can hold.
    pub fn union(dictionaries: &[Arc<Dictionary>]) -> Result<Arc<Dictionary>, EncodeError> {
        Ok(Self::united(dictionaries)?.0)
    }

    /// [`Dictionary::union`], and what becomes of the codes of each.
    ///
    /// # Errors
    /// `DictionaryTooLarge` where the entries exceed what one dictionary can hold.
    pub fn united(dictionaries: &[Arc<Dictionary>]) -> Result<(Arc<Dictionary>, Vec<Arc<Remap>>), EncodeError> {
        let Distinct { dictionaries: distinct, which } = distinct(dictionaries);
        let (union, remaps) = match distinct.as_slice() {
            [] => return Ok((Arc::new(Dictionary::empty()), vec![])),
            [only] => (Arc::clone(only), vec![Arc::new(Remap::Identity)]),
            several => merged(several)?,
        };
        Ok((union, which.into_iter().map(|at| Arc::clone(&remaps[at])).collect()))
    }
}

/// Length and ends of a dictionary: equal for equal ones.
type Likeness<'a> = (usize, Option<&'a str>, Option<&'a str>);

/// The different ones among some dictionaries.
struct Distinct<'a> {
    dictionaries: Vec<&'a Arc<Dictionary>>,
    /// One for each of all: the position of its like.
    which: Vec<usize>,
}

fn distinct(dictionaries: &[Arc<Dictionary>]) -> Distinct<'_> {
    let mut found = Distinct { dictionaries: vec![], which: Vec::with_capacity(dictionaries.len()) };
    // Only dictionaries alike in length and ends are compared entry by entry: a table may have thousands.
    let mut alike: HashMap<Likeness<'_>, Vec<usize>> = HashMap::new();
    for dictionary in dictionaries {
        let values = &dictionary.values;
        let end = |at: Option<usize>| at.filter(|at| *at < values.len()).map(|at| values.value(at));
        let candidates = alike.entry((values.len(), end(Some(0)), end(values.len().checked_sub(1)))).or_default();
        let same = |at: &&usize| {
            let known = found.dictionaries[**at];
            Arc::ptr_eq(known, dictionary) || known.values == *values
        };
        let at = candidates.iter().find(same).copied().unwrap_or(found.dictionaries.len());
        if at == found.dictionaries.len() {
            candidates.push(at);
            found.dictionaries.push(dictionary);
        }
        found.which.push(at);
    }
    found
}

/// The union of different dictionaries, and what becomes of the codes of each.
fn merged(dictionaries: &[&Arc<Dictionary>]) -> Result<(Arc<Dictionary>, Vec<Arc<Remap>>), EncodeError> {
    let entries: usize = dictionaries.iter().map(|dictionary| dictionary.len()).sum();
    if u32::try_from(entries).is_err() {
        return Err(EncodeError::DictionaryTooLarge { bytes: usize::MAX });
    }
    let lists: Vec<&StringArray> = dictionaries.iter().map(|dictionary| &dictionary.values).collect();
    let Merged { texts, places } = merge(&lists);
    let whole = dictionaries.iter().find(|dictionary| dictionary.len() == texts.len());
    let union = match whole {
        Some(whole) => Arc::clone(whole),
        None => Arc::new(Dictionary::from_ascending(texts.iter().copied())?),
    };
    Ok((union, places.into_iter().map(|places| Arc::new(Remap::from_table(places))).collect()))
}

impl Remap {
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
        let (union, remaps) = Dictionary::united(parts).unwrap();
        (union, remaps.iter().map(|remap| Remap::clone(remap)).collect())
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
    fn dictionaries_that_are_alike_share_their_codes() {
        let texts: Vec<String> = (0..1000).map(|number| format!("{number:04}")).collect();
        let all = dictionary(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        for step in [2, 3, 17, 400, 999] {
            let few = || dictionary(&texts.iter().step_by(step).map(String::as_str).collect::<Vec<_>>());
            let table = Remap::Table((0..1000).step_by(step).collect());
            let (union, remaps) = united(&[few(), Arc::clone(&all), few()]);
            assert!(Arc::ptr_eq(&union, &all));
            assert_eq!(remaps, [table.clone(), Remap::Identity, table]);
        }
    }

    #[test]
    fn texts_are_found_by_code() {
        let all = dictionary(&["a", "c"]);
        assert_eq!((all.find("a"), all.find("b"), all.find("c"), all.find("d")), (Ok(0), Err(1), Ok(1), Err(2)));
    }
}
