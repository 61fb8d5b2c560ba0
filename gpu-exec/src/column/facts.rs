//! What is known of a column's values, computed from the values themselves while loading.

use super::Remap;

/// Facts about one column of a table. Never taken from file metadata alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnFacts {
    /// Number of NULLs.
    pub nulls: u64,
    /// Smallest and largest logical integer (unscaled decimal, day, dictionary code); `None` for floats and for columns without a value.
    pub range: Option<(i128, i128)>,
    /// Proven to hold no value twice (NULLs aside). `false` means unknown.
    pub unique: bool,
    /// What else a predicate with other literals would have loaded, as files claim it. Text allows for it, so that it
    /// stays the same whichever row groups are skipped; sizes do not.
    pub elsewhere: Elsewhere,
}

/// What row groups that were skipped may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Elsewhere {
    /// As [`ColumnFacts::range`].
    pub range: Option<(i128, i128)>,
    pub nulls: bool,
}

/// Facts about one column of one segment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ChunkFacts {
    /// Number of NULLs.
    pub nulls: u64,
    /// As [`ColumnFacts::range`].
    pub range: Option<(i128, i128)>,
    /// The values strictly ascend in row order (NULLs aside). `false` means unknown.
    pub ascending: bool,
}

impl ChunkFacts {
    /// Of the same texts with codes of another dictionary, which keep their order.
    pub(crate) fn recoded(self, remap: &Remap) -> Self {
        let code = |code: i128| u32::try_from(code).map_or(code, |code| i128::from(remap.apply(code)));
        Self { range: self.range.map(|(min, max)| (code(min), code(max))), ..self }
    }
}

impl ColumnFacts {
    /// Whether a NULL is here or elsewhere.
    pub fn nullable(&self) -> bool {
        self.nulls > 0 || self.elsewhere.nulls
    }

    /// The range here and elsewhere.
    pub fn range_anywhere(&self) -> Option<(i128, i128)> {
        [self.range, self.elsewhere.range].into_iter().flatten().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// What the facts of all segments together prove. Segments that ascend and do not overlap hold no value twice.
    pub fn of_chunks(chunks: &[ChunkFacts]) -> Self {
        let mut ranges: Vec<(i128, i128)> = chunks.iter().filter_map(|chunk| chunk.range).collect();
        ranges.sort_unstable();
        let apart = ranges.windows(2).all(|pair| pair[0].1 < pair[1].0);
        Self {
            nulls: chunks.iter().map(|chunk| chunk.nulls).sum(),
            range: ranges.iter().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))),
            unique: !ranges.is_empty() && apart && chunks.iter().all(|chunk| chunk.ascending || chunk.range.is_none()),
            elsewhere: Elsewhere::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(min: i128, max: i128, ascending: bool) -> ChunkFacts {
        ChunkFacts { nulls: 1, range: Some((min, max)), ascending }
    }

    #[test]
    fn unique_needs_ascending_segments_that_do_not_overlap() {
        let unique = |chunks: &[ChunkFacts]| ColumnFacts::of_chunks(chunks).unique;
        assert!(unique(&[chunk(11, 20, true), chunk(1, 10, true)]));
        assert!(!unique(&[chunk(10, 20, true), chunk(1, 10, true)]));
        assert!(!unique(&[chunk(11, 20, false), chunk(1, 10, true)]));
        assert!(unique(&[chunk(11, 20, true), ChunkFacts::default()]));
        assert!(!unique(&[]));
    }

    #[test]
    fn ranges_and_nulls_add_up() {
        let facts = ColumnFacts::of_chunks(&[chunk(-4, 2, false), chunk(0, 9, true)]);
        assert_eq!((facts.range, facts.nulls, facts.unique), (Some((-4, 9)), 2, false));
    }
}
