//! The columns that window functions make, one by one.

use std::sync::Arc;

use super::launches::{Launches, Step, Words};
use super::scans::{Edges, Need, Of, Scan};
use crate::column::DeviceColumn;
use crate::device::DeviceBuffer;
use crate::error::{Error, Result};
use crate::ir::{AccumulatorKind, Frame, FrameEdge, FrameRow, FrameUnits, PayloadShape, RowNumber};
use crate::strategy::{Made, MadeKind, OrderKey};

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
    StateBehind,
    Difference,
}

const FRAME_OF_PEERS: u64 = 1;
const FRAME_FROM_FIRST: u64 = 2;
const FRAME_TO_LAST: u64 = 4;
const KEY_DESCENDS: u64 = 1;
const KEY_NULLS_FIRST: u64 = 2;
const KEY_IN_ORDER: u64 = 4;

/// Makes columns beside the same rows.
pub(super) struct Maker<'a, 'l> {
    pub(super) launches: &'l mut Launches<'a>,
    pub(super) edges: Edges,
    /// The shapes of what was written out.
    pub(super) shapes: &'l [PayloadShape],
    /// What distances are of.
    pub(super) distances: Option<OrderKey>,
    /// Scans of columns that several functions read, over different frames.
    pub(super) scanned: Vec<(Scan, Option<usize>, Arc<DeviceBuffer>)>,
    /// Edges at a distance, of which several functions have the same.
    pub(super) far: Vec<(FarEdge, Arc<DeviceBuffer>)>,
}

/// An edge at a distance: of values or groups, how far, and whether it is the frame's end.
pub(super) type FarEdge = (FrameUnits, i64, bool);

impl Maker<'_, '_> {
    /// A written column, in the rows' order.
    pub(super) fn carried(&mut self, column: usize) -> Result<DeviceColumn> {
        let words = Words { make: Make::Copy as u64, ..Words::default() };
        self.taken(column, self.shapes[column].nullable, words)
    }

    pub(super) fn made(&mut self, made: &Made) -> Result<DeviceColumn> {
        match made.kind {
            MadeKind::Number(RowNumber::DenseRank) => {
                let ranks = Scan { join: AccumulatorKind::SumI64, of: Of::Peers, is_backwards: false };
                self.scanned(ranks, None).map(|data| DeviceColumn { data, validity: None })
            }
            MadeKind::Number(number) => self.number(number, made.shape),
            MadeKind::Exists { by } => {
                let edges = self.edges.addresses(self.launches, Need::Partition)?;
                let words = Words { make: Make::Exists as u64, edges, frame: [0, by as u64, 0], ..Words::default() };
                self.numbered(made.shape, &words)
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
                let (edges, frame) = self.framed(frame)?;
                let words = Words { make: make as u64, edges, frame, number, ..Words::default() };
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
        let edges = self.edges.addresses(self.launches, need)?;
        self.numbered(shape, &Words { make: make as u64, edges, number: count, ..Words::default() })
    }

    fn numbered(&mut self, shape: PayloadShape, words: &Words) -> Result<DeviceColumn> {
        let data = self.launches.column(shape.bytes())?;
        self.launches.launch(Step::Number, &Words { out: data.ptr().0, ..*words })?;
        Ok(DeviceColumn { data, validity: None })
    }

    /// An accumulator over each row's frame.
    fn state(
        &mut self,
        (kind, column): (AccumulatorKind, Option<usize>),
        frame: Frame,
        shape: PayloadShape,
    ) -> Result<DeviceColumn> {
        let of = if column.is_some() { Of::Column } else { Of::Rows };
        let way = Way::of(kind, frame);
        let scan = Scan { join: kind, of, is_backwards: way == Way::Backwards };
        if way == Way::Doubling {
            return self.doubled(scan, column, frame);
        }
        let states = self.scanned(scan, column)?;
        let runs_to_each = Frame { units: FrameUnits::Rows, start: FrameEdge::Unbounded, end: FrameEdge::Offset(0) };
        if frame == runs_to_each {
            return Ok(DeviceColumn { data: states, validity: None });
        }
        let make = match way {
            Way::Backwards => Make::StateBehind,
            Way::Difference => Make::Difference,
            Way::Forwards | Way::Doubling => Make::State,
        };
        let (edges, frame) = self.framed(frame)?;
        let states = states.ptr().0;
        let words = Words { scan: scan.word(), states, make: make as u64, edges, frame, ..Words::default() };
        self.numbered(shape, &words)
    }

    /// A frame's edges, and its words.
    fn framed(&mut self, frame: Frame) -> Result<([u64; 4], [u64; 3])> {
        let need = if frame.units == FrameUnits::Rows { Need::Partition } else { Need::PartitionAndPeers };
        let mut edges = self.edges.addresses(self.launches, need)?;
        if matches!(frame.units, FrameUnits::Values | FrameUnits::Groups) {
            let near = edges;
            for (place, edge, is_end) in [(2, frame.start, false), (3, frame.end, true)] {
                if let FrameEdge::Offset(distance) = edge {
                    edges[place] = self.far_edge((frame.units, distance, is_end), near)?;
                }
            }
        }
        Ok((edges, words_of(frame)))
    }

    /// Where each row's edge at a distance is.
    fn far_edge(&mut self, edge: FarEdge, edges: [u64; 4]) -> Result<u64> {
        if let Some((_, found)) = self.far.iter().find(|(known, _)| *known == edge) {
            return Ok(found.ptr().0);
        }
        let (units, distance, is_end) = edge;
        let (column, order) = match (units, self.distances) {
            (FrameUnits::Values, Some(key)) => {
                let descends = if key.descending { KEY_DESCENDS } else { 0 };
                let nulls_first = if key.nulls_first { KEY_NULLS_FIRST } else { 0 };
                (self.launches.written(key.column, self.shapes[key.column].bytes()), descends | nulls_first)
            }
            (FrameUnits::Values, None) => return Err(Error::internal("a distance without a key")),
            _ => {
                let ranks = Scan { join: AccumulatorKind::SumI64, of: Of::Peers, is_backwards: false };
                ([self.scanned(ranks, None)?.ptr().0, 0, ranks.bytes() as u64], KEY_IN_ORDER)
            }
        };
        let made = self.launches.column(size_of::<i64>())?;
        let frame = [order, distance as u64, 0];
        let words = Words { column, edges, frame, make: u64::from(is_end), out: made.ptr().0, ..Words::default() };
        self.launches.launch(Step::Search, &words)?;
        self.far.push((edge, Arc::clone(&made)));
        Ok(made.ptr().0)
    }

    /// An accumulator over frames that slide, from runs of 1, 2, 4, ... rows.
    fn doubled(&mut self, scan: Scan, column: Option<usize>, frame: Frame) -> Result<DeviceColumn> {
        let longest = frame.longest(self.launches.rows);
        let (edges, frame) = self.framed(frame)?;
        let mut runs = [self.launches.column(scan.bytes())?, self.launches.column(scan.bytes())?];
        let data = self.launches.column(scan.bytes())?;
        let column = column.map_or([0; 3], |column| self.launches.written(column, self.shapes[column].bytes()));
        let words = Words { column, scan: scan.word(), edges, frame, ..Words::default() };
        self.launches.launch(Step::RunsOfOne, &Words { out: runs[0].ptr().0, ..words })?;
        let levels = u64::from(u64::BITS - longest.leading_zeros()).max(1);
        for level in 0..levels {
            let words = Words { states: runs[0].ptr().0, number: level, ..words };
            self.launches.launch(Step::RunsTaken, &Words { out: data.ptr().0, ..words })?;
            if level + 1 < levels {
                self.launches.launch(Step::RunsDoubled, &Words { out: runs[1].ptr().0, ..words })?;
                runs.swap(0, 1);
            }
        }
        Ok(DeviceColumn { data, validity: None })
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

/// How an accumulator over a frame is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Of a scan: its value where the frame ends.
    Forwards,
    /// Of one from behind: its value where the frame begins.
    Backwards,
    /// Of a scan of sums that are exact: its value at the end less that before the frame.
    Difference,
    Doubling,
}

impl Way {
    fn of(kind: AccumulatorKind, frame: Frame) -> Self {
        let is_exact_sum = matches!(kind, AccumulatorKind::SumI64 | AccumulatorKind::SumI128);
        match () {
            () if frame.begins_with_partition() => Way::Forwards,
            () if is_exact_sum => Way::Difference,
            () if frame.ends_with_partition() => Way::Backwards,
            () => Way::Doubling,
        }
    }
}

/// A frame as the kernel has it. Edges at a distance stand in the place of those of peers.
fn words_of(frame: Frame) -> [u64; 3] {
    let units = if frame.units == FrameUnits::Rows { 0 } else { FRAME_OF_PEERS };
    let edge = |edge: FrameEdge, unbounded: u64| match edge {
        FrameEdge::Unbounded => (unbounded, 0),
        FrameEdge::Offset(rows) if frame.units == FrameUnits::Rows => (0, rows as u64),
        FrameEdge::Offset(_) => (0, 0),
    };
    let (from_first, start) = edge(frame.start, FRAME_FROM_FIRST);
    let (to_last, end) = edge(frame.end, FRAME_TO_LAST);
    [units | from_first | to_last, start, end]
}
