//! Parts of a table of keys: the keys whose hash has certain bits (`part_of` in table.cuh).
//!
//! What does not fit the device as a whole is filled and read a part after the other. Parts are of any size, and one that
//! is still too large is halved: what was done for others stays done.

use crate::ir::PARTS_MAX;

/// Rows that a part has room for above its share, as keys are not spread evenly.
const ROWS_SPARE: u64 = 1024;

/// The keys whose part has these bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    mask: u64,
    value: u64,
}

impl Part {
    pub(super) const WHOLE: Self = Self { mask: 0, value: 0 };

    /// All keys in at least so many parts alike, if there may be so many.
    pub(super) fn all(count: u64) -> Vec<Self> {
        let count = count.clamp(1, PARTS_MAX).next_power_of_two();
        (0..count).map(|value| Self { mask: count - 1, value }).collect()
    }

    /// Two parts that are this one; `None` where parts are small enough.
    pub(super) fn halves(self) -> Option<[Self; 2]> {
        let bit = self.mask + 1;
        let half = |value| Self { mask: self.mask | bit, value };
        (bit < PARTS_MAX).then(|| [half(self.value), half(self.value | bit)])
    }

    /// The parts of at least so many alike that have keys of this one, or this one where it is as small.
    pub(super) fn within(self, count: u64) -> Vec<Self> {
        if count <= self.count() {
            return vec![self];
        }
        Self::all(count).into_iter().filter(|part| part.value & self.mask == self.value).collect()
    }

    /// Whether keys may be of this part whose part, of so many alike, has this number.
    pub(super) fn may_hold(self, number: u64, count: u64) -> bool {
        (number ^ self.value) & self.mask & (count - 1) == 0
    }

    pub(super) fn is_whole(self) -> bool {
        self.mask == 0
    }

    /// How many parts alike make the whole.
    pub(super) fn count(self) -> u64 {
        self.mask + 1
    }

    /// Rows to make room for, of so many in all parts.
    pub(super) fn rows(self, all: u64) -> u64 {
        let share = all.div_ceil(self.count());
        if self.is_whole() { all } else { share.saturating_add(share / 8 + ROWS_SPARE).min(all) }
    }

    /// As kernels take it: the bits that decide, and what they are.
    pub(super) fn words(self) -> (u64, u64) {
        (self.mask, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of a hash, as table.cuh has it.
    fn has(part: Part, hash: u64) -> bool {
        let (mask, value) = part.words();
        (hash >> 40) & mask == value
    }

    #[test]
    fn every_key_is_of_one_part() {
        let mut parts = Part::all(3);
        assert_eq!(parts.len(), 4);
        let last = parts.pop().unwrap_or(Part::WHOLE);
        parts.extend(last.halves().into_iter().flatten());
        for hash in (0..1000_u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) {
            assert_eq!(parts.iter().filter(|part| has(**part, hash)).count(), 1);
        }
        assert!(Part::all(u64::MAX)[0].halves().is_none());
        assert_eq!(last.within(8), last.halves().map(Vec::from).unwrap_or_default());
        assert_eq!(last.within(2), [last]);
    }

    #[test]
    fn a_part_has_room_for_its_share_and_more() {
        assert_eq!(Part::WHOLE.rows(10), 10);
        assert_eq!(Part::all(4)[0].rows(1 << 20), (1 << 18) + (1 << 15) + 1024);
        assert_eq!(Part::all(4)[0].rows(100), 100);
    }
}
