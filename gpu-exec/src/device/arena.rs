//! Which addresses of the device's memory are free: best fit over a few big chunks, neighbours merged on release.
//!
//! Pure bookkeeping over numbers, the same for both devices. Not here: budgets and who asked ([`super::memory`]).

use std::collections::{BTreeMap, BTreeSet};

/// Every address and size the arena hands out is a multiple of this.
pub(crate) const GRANULE: u64 = 256;

/// `bytes` rounded up to whole granules, at least one.
pub(crate) fn round_up(bytes: u64) -> u64 {
    bytes.max(1).div_ceil(GRANULE).saturating_mul(GRANULE)
}

/// The free ranges, by address (to merge) and by size (to fit).
#[derive(Debug, Default)]
pub(crate) struct Arena {
    /// Start -> length.
    by_address: BTreeMap<u64, u64>,
    /// (length, start).
    by_size: BTreeSet<(u64, u64)>,
    /// Starts of chunks: ranges of two chunks are never merged, though they may touch.
    chunks: BTreeMap<u64, u64>,
}

impl Arena {
    pub(crate) fn add_chunk(&mut self, start: u64, bytes: u64) {
        self.chunks.insert(start, bytes);
        self.insert(start, bytes);
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.chunks.iter().map(|(start, bytes)| (*start, *bytes))
    }

    pub(crate) fn chunk_bytes(&self) -> u64 {
        self.chunks.values().sum()
    }

    pub(crate) fn largest_free(&self) -> u64 {
        self.by_size.last().map_or(0, |(bytes, _)| *bytes)
    }

    /// The start of `bytes` from the smallest range that holds them. `bytes` is whole granules.
    pub(crate) fn take(&mut self, bytes: u64) -> Option<u64> {
        let (length, start) = *self.by_size.range((bytes, 0)..).next()?;
        self.remove(start, length);
        if length > bytes {
            self.insert(start + bytes, length - bytes);
        }
        Some(start)
    }

    /// Gives back what [`Arena::take`] returned for `bytes`.
    pub(crate) fn give_back(&mut self, start: u64, bytes: u64) {
        let (mut start, mut bytes) = (start, bytes);
        let before = self.by_address.range(..start).next_back().map(|(s, l)| (*s, *l));
        if let Some((s, l)) = before
            && s + l == start
            && !self.chunks.contains_key(&start)
        {
            self.remove(s, l);
            (start, bytes) = (s, l + bytes);
        }
        let end = start + bytes;
        if let Some(length) = self.by_address.get(&end).copied()
            && !self.chunks.contains_key(&end)
        {
            self.remove(end, length);
            bytes += length;
        }
        self.insert(start, bytes);
    }

    fn insert(&mut self, start: u64, bytes: u64) {
        self.by_address.insert(start, bytes);
        self.by_size.insert((bytes, start));
    }

    fn remove(&mut self, start: u64, bytes: u64) {
        self.by_address.remove(&start);
        self.by_size.remove(&(bytes, start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_smallest_range_that_fits() {
        let mut arena = Arena::default();
        arena.add_chunk(0x1000, 1024);
        arena.add_chunk(0x8000, 512);
        assert_eq!(arena.take(512), Some(0x8000));
        assert_eq!(arena.take(512), Some(0x1000));
        assert_eq!(arena.take(1024), None);
        assert_eq!(arena.largest_free(), 512);
    }

    #[test]
    fn merges_neighbours_but_not_chunks() {
        let mut arena = Arena::default();
        arena.add_chunk(0x1000, 1024);
        arena.add_chunk(0x1400, 1024);
        let taken: Vec<u64> = (0..8).filter_map(|_| arena.take(256)).collect();
        assert_eq!(taken.len(), 8);
        assert_eq!(arena.take(256), None);
        for start in [3, 0, 7, 5, 1, 2, 6, 4].map(|i: usize| taken[i]) {
            arena.give_back(start, 256);
        }
        assert_eq!(arena.largest_free(), 1024);
        assert_eq!((arena.take(1024), arena.take(1024)), (Some(0x1000), Some(0x1400)));
    }

    #[test]
    fn rounds_to_granules() {
        assert_eq!([0, 1, 256, 257].map(round_up), [256, 256, 256, 512]);
    }
}
