//! Window functions, as a node has them. Not here: which of the host's they are (`planner/lower/window.rs`).

use super::{AggregateCall, Expr, Type};

/// One function over the rows around each row.
#[derive(Clone, Debug)]
pub struct WindowCall {
    pub function: WindowFunction,
    /// The rows around it that it is about; those that number rows, and [`WindowFunction::Shifted`], take all of the partition.
    pub frame: Frame,
    /// The type of the result as the host declares it.
    pub ty: Type,
}

#[derive(Clone, Debug)]
pub enum WindowFunction {
    Number(RowNumber),
    /// The value so many rows further on, or before where that is negative; `default` where the partition has no such row.
    Shifted {
        argument: Expr,
        by: i64,
        default: Option<Expr>,
    },
    /// The value of one of the frame's rows; NULL where it has no such row.
    Picked {
        argument: Expr,
        row: FrameRow,
    },
    Aggregate(AggregateCall),
}

/// What is told of a row's place in its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowNumber {
    /// From 1 on.
    Row,
    /// The number of its first peer.
    Rank,
    /// Ranks without gaps.
    DenseRank,
    /// (rank - 1) / (rows - 1), 0 where it is the only row.
    PercentRank,
    /// The share of the rows that come no later than its last peer.
    CumeDist,
    /// Which of so many runs it is in; the first of them are a row longer where rows are left over.
    Tile(u64),
}

/// A row of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameRow {
    First,
    Last,
    /// From 1 on.
    Nth(u64),
}

/// The rows around a row, within its partition. Edges are counted in rows, are those of its peers, or lie at a distance of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub units: FrameUnits,
    pub start: FrameEdge,
    pub end: FrameEdge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameUnits {
    /// ROWS.
    Rows,
    /// RANGE and GROUPS whose edges are the current row's: its first and last peer.
    Peers,
    /// RANGE at a distance: the rows whose key is so much larger at least, or at most. Of one key, in units of its digits.
    Values,
    /// GROUPS at a distance: so many groups of peers on.
    Groups,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameEdge {
    /// The partition's first row, or its last.
    Unbounded,
    /// So many rows after the current one; 0 is the current one, or its peers. Of values and groups the distance, in the order's
    /// direction.
    Offset(i64),
}

impl WindowCall {
    /// What it reads of each row.
    pub fn expressions(&self) -> Vec<&Expr> {
        match &self.function {
            WindowFunction::Number(_) => vec![],
            WindowFunction::Shifted { argument, default, .. } => std::iter::once(argument).chain(default).collect(),
            WindowFunction::Picked { argument, .. } => vec![argument],
            WindowFunction::Aggregate(call) => call.argument.iter().chain(&call.filter).collect(),
        }
    }
}

impl Frame {
    /// Whether the frame begins with the partition.
    pub fn begins_with_partition(self) -> bool {
        self.start == FrameEdge::Unbounded
    }

    /// Whether the frame ends with the partition.
    pub fn ends_with_partition(self) -> bool {
        self.end == FrameEdge::Unbounded
    }

    /// How many of `rows` rows it holds at most.
    pub fn longest(self, rows: u64) -> u64 {
        match (self.units, self.start, self.end) {
            (FrameUnits::Rows, FrameEdge::Offset(start), FrameEdge::Offset(end)) => {
                u64::try_from(end.saturating_sub(start).saturating_add(1)).unwrap_or(0).min(rows)
            }
            _ => rows,
        }
    }

    /// Whether what it holds depends on the order of rows that the ORDER BY does not decide.
    pub fn counts_rows(self) -> bool {
        let is_bounded = self.start != FrameEdge::Unbounded || self.end != FrameEdge::Unbounded;
        self.units == FrameUnits::Rows && is_bounded
    }
}
