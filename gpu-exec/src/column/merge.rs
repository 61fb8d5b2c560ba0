//! Several ascending lists of texts become one, and every entry learns its place in it.
//!
//! Large lists are cut into ranges that are merged side by side: where the ranges are cut does not show in what comes
//! out. Not here: which dictionaries are merged, and what becomes of those that are alike (`dictionary.rs`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::Range;

use arrow::array::{Array, StringArray};

use super::prefix::{Keyed, Prefix};
use crate::device::{cores, side_by_side};

/// Entries that are worth a thread.
const RANGE_ENTRIES: usize = 32 << 10;

/// Ascending lists as one.
#[derive(Debug, Default)]
pub(super) struct Merged<'a> {
    /// Strictly ascending.
    pub(super) texts: Vec<&'a str>,
    /// One a list: the place of each of its entries in `texts`.
    pub(super) places: Vec<Vec<u32>>,
}

/// Merges lists, each strictly ascending and without NULL, of fewer than 2^32 entries in all.
pub(super) fn merge<'a>(lists: &[&'a StringArray]) -> Merged<'a> {
    let entries: usize = lists.iter().map(|list| list.len()).sum();
    let parts = (entries / RANGE_ENTRIES).clamp(1, cores());
    let ranges = cut(lists, parts);
    let merged = side_by_side(&ranges, parts, |ranges| merge_ranges(lists, ranges));
    // One range after the other; places count from the first.
    let mut whole = Merged { texts: vec![], places: lists.iter().map(|list| Vec::with_capacity(list.len())).collect() };
    whole.texts.reserve_exact(merged.iter().map(|part| part.texts.len()).sum());
    for Merged { texts, places } in merged {
        let before = whole.texts.len() as u32;
        whole.texts.extend(texts);
        for (all, places) in whole.places.iter_mut().zip(places) {
            all.extend(places.into_iter().map(|place| before + place));
        }
    }
    whole
}

/// Ranges of each list: `parts` times all lists, every text of one part before every text of the next.
fn cut(lists: &[&StringArray], parts: usize) -> Vec<Vec<Range<usize>>> {
    let Some(longest) = lists.iter().max_by_key(|list| list.len()).filter(|list| !list.is_empty()) else {
        return vec![lists.iter().map(|list| 0..list.len()).collect()];
    };
    let mut starts = vec![0; lists.len()];
    let mut ranges = Vec::with_capacity(parts);
    for part in 1..=parts {
        let ends: Vec<usize> = match part == parts {
            true => lists.iter().map(|list| list.len()).collect(),
            false => {
                let border = longest.value(longest.len() / parts * part);
                lists.iter().map(|list| first_not_below(list, border)).collect()
            }
        };
        ranges.push(starts.iter().zip(&ends).map(|(start, end)| *start..*end).collect());
        starts = ends;
    }
    ranges
}

fn first_not_below(list: &StringArray, border: &str) -> usize {
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if list.value(middle) < border { low = middle + 1 } else { high = middle }
    }
    low
}

/// Merges one range of each list, through a heap of their next entries.
fn merge_ranges<'a>(lists: &[&'a StringArray], ranges: &[Range<usize>]) -> Merged<'a> {
    let ends = |(list, range): (&&'a StringArray, &Range<usize>)| {
        [range.start, range.end.saturating_sub(1)].map(|at| (!range.is_empty()).then(|| list.value(at)))
    };
    // Of ascending texts, the first and the last have in common what all have.
    let prefix = Prefix::of(lists.iter().zip(ranges).flat_map(ends).flatten());
    let next = |list: usize, at: usize| -> Option<Reverse<(Keyed<'a>, usize, usize)>> {
        ranges[list].contains(&at).then(|| Reverse((prefix.keyed(lists[list].value(at)), list, at)))
    };
    let mut merged =
        Merged { texts: vec![], places: ranges.iter().map(|range| Vec::with_capacity(range.len())).collect() };
    let mut heap: BinaryHeap<_> = (0..lists.len()).filter_map(|list| next(list, ranges[list].start)).collect();
    while let Some(mut least) = heap.peek_mut() {
        let Reverse((Keyed { text, .. }, list, at)) = *least;
        if merged.texts.last() != Some(&text) {
            merged.texts.push(text);
        }
        merged.places[list].push(merged.texts.len() as u32 - 1);
        match next(list, at + 1) {
            Some(following) => *least = following,
            None => drop(PeekMut::pop(least)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lists: &[Vec<String>], parts: usize) {
        let arrays: Vec<StringArray> = lists.iter().map(StringArray::from_iter_values).collect();
        let arrays: Vec<&StringArray> = arrays.iter().collect();
        let ranges = cut(&arrays, parts);
        assert_eq!(ranges.len(), if lists.iter().all(Vec::is_empty) { 1 } else { parts });
        let mut all: Vec<&str> = lists.iter().flatten().map(String::as_str).collect();
        all.sort_unstable();
        all.dedup();
        let merged = merge(&arrays);
        assert_eq!(merged.texts, all);
        let by_range: Vec<&str> = ranges.iter().flat_map(|ranges| merge_ranges(&arrays, ranges).texts).collect();
        assert_eq!(by_range, all, "{parts} parts");
        for (list, places) in lists.iter().zip(&merged.places) {
            let found: Vec<&str> = places.iter().map(|place| merged.texts[*place as usize]).collect();
            assert_eq!(&found, list);
        }
    }

    #[test]
    fn ranges_merged_side_by_side_are_one_list() {
        let list = |from: usize, step: usize, count: usize| -> Vec<String> {
            (0..count).map(|number| format!("text {:07}", from + number * step)).collect()
        };
        for parts in [1, 2, 3, 7] {
            check(&[list(0, 1, 100), list(50, 2, 100), list(7, 7, 40), vec![]], parts);
            check(&[list(0, 1, 1), list(0, 1, 1)], parts);
            check(&[vec![], vec![]], parts);
        }
        check(&[list(0, 3, 90_000), list(1, 2, 70_000)], 4);
    }
}
