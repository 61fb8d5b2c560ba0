//! Texts compared as numbers first: the eight bytes behind what all of them begin with decide nearly every comparison,
//! and lie where the sort looks, not behind a pointer.
//!
//! Not here: what is sorted (`encode/text.rs`) or merged (`merge.rs`).

use std::cmp::Ordering;

/// Bytes that go into the number.
const NUMBER_BYTES: usize = 8;

/// What all texts of a set begin with, in bytes: these tell no two of them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefix(usize);

impl Prefix {
    /// Of all these texts.
    pub(crate) fn of<'a>(mut texts: impl Iterator<Item = &'a str>) -> Self {
        let Some(first) = texts.next() else { return Self::default() };
        let mut common = first.len();
        for text in texts {
            common = shared(&first.as_bytes()[..common], text.as_bytes());
            if common == 0 {
                break;
            }
        }
        Self(common)
    }

    /// The text and the number that orders it among the set as its bytes do, but for ties.
    pub(crate) fn keyed(self, text: &str) -> Keyed<'_> {
        let rest = &text.as_bytes()[self.0..];
        let mut number = [0; NUMBER_BYTES];
        let some = rest.len().min(NUMBER_BYTES);
        number[..some].copy_from_slice(&rest[..some]);
        Keyed { number: u64::from_be_bytes(number), text }
    }
}

/// A text with its number; ordered as texts of one set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keyed<'a> {
    number: u64,
    pub(crate) text: &'a str,
}

impl Ord for Keyed<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number).then_with(|| self.text.cmp(other.text))
    }
}

impl PartialOrd for Keyed<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn shared(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_ordered_as_their_bytes_are() {
        let sets: [&[&str]; 4] = [
            &["", "a", "a\0", "a\0\0\0\0\0\0\0\0", "aé", "aé0123456789", "b", "語"],
            &["customer 7", "customer 70", "customer", "customer 07", "customer 7\0"],
            &["same beginning and é", "same beginning and è", "same beginning and ", "same beginning and 語"],
            &["alone"],
        ];
        for set in sets {
            let prefix = Prefix::of(set.iter().copied());
            for (one, other) in set.iter().flat_map(|one| set.iter().map(move |other| (*one, *other))) {
                assert_eq!(prefix.keyed(one).cmp(&prefix.keyed(other)), one.cmp(other), "{one:?} {other:?}");
            }
        }
        assert_eq!(Prefix::of(std::iter::empty()), Prefix(0));
        assert_eq!(Prefix::of(sets[1].iter().copied()), Prefix(8));
    }
}
