//! Scans of `window.cu`: what is joined, and of what. The edges of partitions and peers are scans too.

use std::sync::Arc;

use super::launches::Launches;
use crate::device::DeviceBuffer;
use crate::error::Result;
use crate::ir::AccumulatorKind;

/// How values are joined, as the kernel numbers it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    SumI64,
    SumI128,
    SumF64,
    MinI64,
    MaxI64,
    MinI128,
    MaxI128,
}

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
    pub(super) join: Join,
    pub(super) of: Of,
}

impl Scan {
    /// As the kernel has it. Ends are found from behind.
    pub(super) fn word(self) -> u64 {
        let is_backwards = matches!(self.of, Of::PartitionEnds | Of::PeerEnds);
        self.join as u64 | u64::from(is_backwards) << 8 | (self.of as u64) << 16
    }
}

impl Join {
    pub(super) fn of(kind: AccumulatorKind) -> Self {
        match kind {
            AccumulatorKind::SumI64 => Join::SumI64,
            AccumulatorKind::SumI128 => Join::SumI128,
            AccumulatorKind::SumF64 => Join::SumF64,
            AccumulatorKind::MinI64 => Join::MinI64,
            AccumulatorKind::MaxI64 => Join::MaxI64,
            AccumulatorKind::MinI128 => Join::MinI128,
            AccumulatorKind::MaxI128 => Join::MaxI128,
        }
    }

    /// Bytes of a value.
    pub(super) fn bytes(self) -> usize {
        if matches!(self, Join::SumI128 | Join::MinI128 | Join::MaxI128) { 16 } else { 8 }
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

const EDGES: [Scan; 4] = [
    Scan { join: Join::MaxI64, of: Of::PartitionStarts },
    Scan { join: Join::MinI64, of: Of::PartitionEnds },
    Scan { join: Join::MaxI64, of: Of::PeerStarts },
    Scan { join: Join::MinI64, of: Of::PeerEnds },
];

impl Edges {
    /// Their addresses; 0 of those that are not needed.
    pub(super) fn addresses(&mut self, launches: &mut Launches<'_>, need: Need) -> Result<[u64; 4]> {
        let needed = if need == Need::Partition { 2 } else { EDGES.len() };
        for (edge, scan) in self.0.iter_mut().zip(EDGES).take(needed) {
            if edge.is_none() {
                let made = launches.column(Join::MaxI64.bytes())?;
                launches.scan(scan, [0; 3], &made)?;
                *edge = Some(made);
            }
        }
        Ok([0, 1, 2, 3].map(|edge: usize| self.0[edge].as_ref().map_or(0, |edge| edge.ptr().0)))
    }
}
