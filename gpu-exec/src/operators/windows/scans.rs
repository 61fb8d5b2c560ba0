//! Scans of `kernels/fixed/window`: what is joined, and of what. The edges of partitions and peers are scans too.

use std::sync::Arc;

use super::launches::Launches;
use crate::device::DeviceBuffer;
use crate::error::Result;
use crate::ir::AccumulatorKind;

/// Of what a scan is, as the kernel numbers it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Column,
    Rows,
    PartitionStarts,
    PartitionEnds,
    PeerStarts,
    PeerEnds,
    Peers,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Scan {
    /// How values are joined.
    pub(super) join: AccumulatorKind,
    pub(super) of: Of,
    /// From the last row to the first.
    pub(super) is_backwards: bool,
}

impl Scan {
    /// As the kernel has it.
    pub(super) fn word(self) -> u64 {
        join_number(self.join) | u64::from(self.is_backwards) << 8 | (self.of as u64) << 16
    }

    /// Bytes of a value.
    pub(super) fn bytes(self) -> usize {
        use AccumulatorKind::{MaxI64, MaxI128, MinI64, MinI128, SumF64, SumI64, SumI128};
        match self.join {
            SumI64 | SumF64 | MinI64 | MaxI64 => 8,
            SumI128 | MinI128 | MaxI128 => 16,
        }
    }
}

/// As the kernel numbers them.
fn join_number(kind: AccumulatorKind) -> u64 {
    match kind {
        AccumulatorKind::SumI64 => 0,
        AccumulatorKind::SumI128 => 1,
        AccumulatorKind::SumF64 => 2,
        AccumulatorKind::MinI64 => 3,
        AccumulatorKind::MaxI64 => 4,
        AccumulatorKind::MinI128 => 5,
        AccumulatorKind::MaxI128 => 6,
    }
}

/// The edges of each row's partition and peers: the first row, and the one behind the last. Made when they are first asked for.
#[derive(Default)]
pub(super) struct Edges([Option<Arc<DeviceBuffer>>; 4]);

/// Which edges something needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Partition,
    PartitionAndPeers,
}

/// Ends are found from behind.
const EDGES: [Scan; 4] = [
    Scan { join: AccumulatorKind::MaxI64, of: Of::PartitionStarts, is_backwards: false },
    Scan { join: AccumulatorKind::MinI64, of: Of::PartitionEnds, is_backwards: true },
    Scan { join: AccumulatorKind::MaxI64, of: Of::PeerStarts, is_backwards: false },
    Scan { join: AccumulatorKind::MinI64, of: Of::PeerEnds, is_backwards: true },
];

impl Edges {
    /// Their addresses; 0 of those that are not needed.
    pub(super) fn addresses(&mut self, launches: &mut Launches<'_>, need: Need) -> Result<[u64; 4]> {
        let needed = if need == Need::Partition { 2 } else { EDGES.len() };
        for (edge, scan) in self.0.iter_mut().zip(EDGES).take(needed) {
            if edge.is_none() {
                let made = launches.column(scan.bytes())?;
                launches.scan(scan, [0; 3], &made)?;
                *edge = Some(made);
            }
        }
        Ok([0, 1, 2, 3].map(|edge: usize| self.0[edge].as_ref().map_or(0, |edge| edge.ptr().0)))
    }
}
