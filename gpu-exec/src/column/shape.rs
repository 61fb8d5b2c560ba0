//! Shapes: what is known of a table before, and apart from, its data. Plans and sources are made of shapes alone.
//!
//! Nothing here knows where data lie, or that there are any.

use super::{ColumnFacts, Stored};
use crate::ir::Type;

/// What holds for a column in every segment.
#[derive(Clone, Debug)]
pub struct ColumnMeta {
    pub name: String,
    pub ty: Type,
    pub stored: Stored,
    pub facts: ColumnFacts,
}

/// How many rows there are, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowBound {
    Exact(u64),
    AtMost(u64),
    /// Bounds nothing: what is sized by it must be able to grow.
    Guess(u64),
}

/// The shape of a table.
#[derive(Clone, Debug)]
pub struct TableShape {
    pub columns: Vec<ColumnMeta>,
    pub rows: RowBound,
}

impl RowBound {
    /// The number, whatever it promises.
    pub fn rows(self) -> u64 {
        match self {
            RowBound::Exact(rows) | RowBound::AtMost(rows) | RowBound::Guess(rows) => rows,
        }
    }

    pub fn is_guess(self) -> bool {
        matches!(self, RowBound::Guess(_))
    }

    /// Whether there is certainly no second row.
    pub fn is_one_at_most(self) -> bool {
        !self.is_guess() && self.rows() <= 1
    }

    /// Where some of the rows may go.
    #[must_use]
    pub fn or_fewer(self) -> Self {
        match self {
            RowBound::Exact(rows) => RowBound::AtMost(rows),
            known => known,
        }
    }

    /// With the rows of another table.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let rows = self.rows().saturating_add(other.rows());
        match (self, other) {
            (RowBound::Exact(_), RowBound::Exact(_)) => RowBound::Exact(rows),
            (one, other) if one.is_guess() || other.is_guess() => RowBound::Guess(rows),
            _ => RowBound::AtMost(rows),
        }
    }

    /// Where each row may become any number of rows, and becomes about `times` of them.
    #[must_use]
    pub fn multiplied(self, times: u64) -> Self {
        RowBound::Guess(self.rows().saturating_mul(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_promises_no_more_than_it_did() {
        assert_eq!(RowBound::Exact(7).or_fewer(), RowBound::AtMost(7));
        assert_eq!(RowBound::AtMost(7).or_fewer(), RowBound::AtMost(7));
        assert_eq!(RowBound::Guess(7).or_fewer(), RowBound::Guess(7));
        assert_eq!(RowBound::Exact(7).multiplied(2), RowBound::Guess(14));
        assert_eq!(RowBound::Exact(7).plus(RowBound::Exact(2)), RowBound::Exact(9));
        assert_eq!(RowBound::Exact(7).plus(RowBound::AtMost(2)), RowBound::AtMost(9));
        assert_eq!(RowBound::Guess(u64::MAX).plus(RowBound::Exact(2)), RowBound::Guess(u64::MAX));
        assert_eq!(RowBound::AtMost(u64::MAX).multiplied(2).rows(), u64::MAX);
    }
}
