//! The plan of a window: what is made of rows that were written out for it, and what of that somebody reads.

use std::collections::BTreeSet;

use crate::ir::{AccumulatorKind, Frame, FrameRow, PayloadShape, RowNumber};
use crate::strategy::SortPlan;
use crate::strategy::prune::retain;

/// What is made of rows that were written out for a window.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowPlan {
    /// By partition and within it: over the written columns.
    pub sort: SortPlan,
    /// How many pieces of the sort, from the first on, are of partition keys.
    pub partition_pieces: usize,
    /// What distances are of, where a frame has some.
    pub distances: Option<OrderKey>,
    /// The written columns that are read behind the window.
    pub carried: Vec<usize>,
    /// What is made beside them, and read behind them.
    pub made: Vec<Made>,
}

/// The one key of an order, as a written column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrderKey {
    pub column: usize,
    pub descending: bool,
    pub nulls_first: bool,
}

/// A column that is made beside the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub kind: MadeKind,
    pub shape: PayloadShape,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MadeKind {
    Number(RowNumber),
    /// Whether the partition has the row so many further on.
    Exists {
        by: i64,
    },
    /// The value of a written column there.
    Shifted {
        column: usize,
        by: i64,
    },
    /// That of a row of the frame.
    Picked {
        column: usize,
        row: FrameRow,
        frame: Frame,
    },
    /// An accumulator over the frame: of a written column, or a one for each row.
    State {
        kind: AccumulatorKind,
        column: Option<usize>,
        frame: Frame,
    },
}

impl MadeKind {
    /// The frame that it is about, if it is about one.
    pub fn frame(self) -> Option<Frame> {
        match self {
            MadeKind::Number(_) | MadeKind::Exists { .. } | MadeKind::Shifted { .. } => None,
            MadeKind::Picked { frame, .. } | MadeKind::State { frame, .. } => Some(frame),
        }
    }

    /// The written column that it is made of.
    pub fn column(self) -> Option<usize> {
        match self {
            MadeKind::Number(_) | MadeKind::Exists { .. } => None,
            MadeKind::Shifted { column, .. } | MadeKind::Picked { column, .. } => Some(column),
            MadeKind::State { column, .. } => column,
        }
    }

    fn column_mut(&mut self) -> Option<&mut usize> {
        match self {
            MadeKind::Number(_) | MadeKind::Exists { .. } => None,
            MadeKind::Shifted { column, .. } | MadeKind::Picked { column, .. } => Some(column),
            MadeKind::State { column, .. } => column.as_mut(),
        }
    }
}

impl WindowPlan {
    /// Drops what nobody reads behind the window. Which of `written` columns are still needed, the last among them.
    pub(in crate::strategy) fn prune(&mut self, read: &BTreeSet<usize>, written: usize) -> Vec<bool> {
        let carried = self.carried.len();
        retain(&mut self.carried, |place| read.contains(&place));
        retain(&mut self.made, |place| read.contains(&(carried + place)));
        let mut needed = vec![false; written];
        let sorted_by = self.sort.pieces.iter().map(|piece| piece.column);
        let made_of = self.made.iter().filter_map(|made| made.kind.column());
        let last = written.checked_sub(1);
        sorted_by
            .chain(made_of)
            .chain(self.distances.iter().map(|key| key.column))
            .chain(self.carried.iter().copied())
            .chain(last)
            .for_each(|column| needed[column] = true);
        let place = |column: usize| needed[..column].iter().filter(|needed| **needed).count();
        self.carried.iter_mut().for_each(|column| *column = place(*column));
        self.distances.iter_mut().for_each(|key| key.column = place(key.column));
        self.sort.pieces.iter_mut().for_each(|piece| piece.column = place(piece.column));
        self.made.iter_mut().filter_map(|made| made.kind.column_mut()).for_each(|column| *column = place(*column));
        needed
    }
}
