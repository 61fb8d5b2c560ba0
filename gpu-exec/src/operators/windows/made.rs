//! The columns that window functions make, one by one.

use std::sync::Arc;

use super::launches::{Launches, Step, Words};
use super::scans::{Edges, Need, Of, Scan};
use crate::column::DeviceColumn;
use crate::device::DeviceBuffer;
use crate::error::Result;
use crate::ir::{AccumulatorKind, Frame, FrameEdge, FrameRow, FrameUnits, PayloadShape, RowNumber};
use crate::strategy::{Made, MadeKind};

/// What the kernel makes of rows and their edges, as it numbers it.
#[derive(Clone, Copy)]
pub(super) enum Make {
    Copy,
    Row,
    Rank,
    PercentRank,
    CumeDist,
    Tile,
    Exists,
    Shifted,
    FromFirst,
    FromLast,
    State,
    Difference,
}

const FRAME_OF_PEERS: u64 = 1;
const FRAME_FROM_FIRST: u64 = 2;
const FRAME_TO_LAST: u64 = 4;

/// Makes columns beside the same rows.
pub(super) struct Maker<'a, 'l> {
    pub(super) launches: &'l mut Launches<'a>,
    pub(super) edges: Edges,
    /// The shapes of what was written out.
    pub(super) shapes: &'l [PayloadShape],
    /// Scans of columns that several functions read, over different frames.
    pub(super) scanned: Vec<(Scan, Option<usize>, Arc<DeviceBuffer>)>,
}

impl Maker<'_, '_> {
    /// A written column, in the rows' order.
    pub(super) fn carried(&mut self, column: usize) -> Result<DeviceColumn> {
        let words = Words { make: Make::Copy as u64, ..Words::default() };
        self.taken(column, self.shapes[column].nullable, words)
    }

    pub(super) fn made(&mut self, made: &Made) -> Result<DeviceColumn> {
        match made.kind {
            MadeKind::Number(RowNumber::DenseRank) => {
                let ranks = Scan { join: AccumulatorKind::SumI64, of: Of::Peers };
                self.scanned(ranks, None).map(|data| DeviceColumn { data, validity: None })
            }
            MadeKind::Number(number) => self.number(number, made.shape),
            MadeKind::Exists { by } => {
                let words = Words { make: Make::Exists as u64, frame: [0, by as u64, 0], ..Words::default() };
                self.numbered(made.shape, Need::Partition, words)
            }
            MadeKind::Shifted { column, by } => {
                let edges = self.edges.addresses(self.launches, Need::Partition)?;
                let words = Words { make: Make::Shifted as u64, edges, frame: [0, by as u64, 0], ..Words::default() };
                self.taken(column, true, words)
            }
            MadeKind::Picked { column, row, frame } => {
                let (make, number) = match row {
                    FrameRow::First => (Make::FromFirst, 0),
                    FrameRow::Nth(number) => (Make::FromFirst, number - 1),
                    FrameRow::Last => (Make::FromLast, 0),
                };
                let edges = self.edges.addresses(self.launches, needed(frame))?;
                let words = Words { make: make as u64, edges, frame: words_of(frame), number, ..Words::default() };
                self.taken(column, true, words)
            }
            MadeKind::State { kind, column, frame } => self.state((kind, column), frame, made.shape),
        }
    }

    /// Values that rows have of others, or of themselves.
    fn taken(&mut self, column: usize, nullable: bool, words: Words) -> Result<DeviceColumn> {
        let width = self.shapes[column].bytes();
        let data = self.launches.column(width)?;
        let validity = if nullable { Some(self.launches.bits()?) } else { None };
        let bits = validity.as_ref().map_or(0, |bits| bits.ptr().0);
        let column = self.launches.written(column, width);
        self.launches.launch(Step::Take, &Words { column, out: data.ptr().0, bits, ..words })?;
        Ok(DeviceColumn { data, validity })
    }

    fn number(&mut self, number: RowNumber, shape: PayloadShape) -> Result<DeviceColumn> {
        let (make, need) = match number {
            RowNumber::Row => (Make::Row, Need::Partition),
            RowNumber::Tile(_) => (Make::Tile, Need::Partition),
            RowNumber::Rank | RowNumber::DenseRank => (Make::Rank, Need::PartitionAndPeers),
            RowNumber::PercentRank => (Make::PercentRank, Need::PartitionAndPeers),
            RowNumber::CumeDist => (Make::CumeDist, Need::PartitionAndPeers),
        };
        let count = if let RowNumber::Tile(tiles) = number { tiles } else { 0 };
        self.numbered(shape, need, Words { make: make as u64, number: count, ..Words::default() })
    }

    fn numbered(&mut self, shape: PayloadShape, need: Need, words: Words) -> Result<DeviceColumn> {
        let edges = self.edges.addresses(self.launches, need)?;
        let data = self.launches.column(shape.bytes())?;
        self.launches.launch(Step::Number, &Words { edges, out: data.ptr().0, ..words })?;
        Ok(DeviceColumn { data, validity: None })
    }

    /// An accumulator over each row's frame.
    fn state(
        &mut self,
        (kind, column): (AccumulatorKind, Option<usize>),
        frame: Frame,
        shape: PayloadShape,
    ) -> Result<DeviceColumn> {
        let scan = Scan { join: kind, of: if column.is_some() { Of::Column } else { Of::Rows } };
        let states = self.scanned(scan, column)?;
        let runs_to_each = Frame { units: FrameUnits::Rows, start: FrameEdge::Unbounded, end: FrameEdge::Offset(0) };
        if frame == runs_to_each {
            return Ok(DeviceColumn { data: states, validity: None });
        }
        let make = if frame.begins_with_partition() { Make::State } else { Make::Difference };
        let words = Words {
            scan: scan.word(),
            states: states.ptr().0,
            make: make as u64,
            frame: words_of(frame),
            ..Words::default()
        };
        self.numbered(shape, needed(frame), words)
    }

    fn scanned(&mut self, scan: Scan, column: Option<usize>) -> Result<Arc<DeviceBuffer>> {
        if let Some((.., found)) = self.scanned.iter().find(|(known, of, _)| (*known, *of) == (scan, column)) {
            return Ok(Arc::clone(found));
        }
        let made = self.launches.column(scan.bytes())?;
        let of = column.map_or([0; 3], |column| self.launches.written(column, self.shapes[column].bytes()));
        self.launches.scan(scan, of, &made)?;
        self.scanned.push((scan, column, Arc::clone(&made)));
        Ok(made)
    }
}

fn needed(frame: Frame) -> Need {
    if frame.units == FrameUnits::Peers { Need::PartitionAndPeers } else { Need::Partition }
}

/// A frame as the kernel has it.
fn words_of(frame: Frame) -> [u64; 3] {
    let units = if frame.units == FrameUnits::Peers { FRAME_OF_PEERS } else { 0 };
    let edge = |edge: FrameEdge, unbounded: u64| match edge {
        FrameEdge::Unbounded => (unbounded, 0),
        FrameEdge::Offset(rows) => (0, rows as u64),
    };
    let (from_first, start) = edge(frame.start, FRAME_FROM_FIRST);
    let (to_last, end) = edge(frame.end, FRAME_TO_LAST);
    [units | from_first | to_last, start, end]
}
