//! Group tables: the memory of one aggregation's groups.

use super::part::Part;
use crate::codegen::GroupPart;
use crate::device::{DeviceBuffer, DeviceHandle, Stream};
use crate::error::Result;
use crate::ir::{AccumulatorKind, GroupKind};
use crate::strategy::GroupPlan;

/// The device memory of a group table.
#[derive(Debug)]
pub(super) struct Groups {
    plan: GroupPlan,
    part: Part,
    keys: DeviceBuffer,
    states: DeviceBuffer,
    accumulators: Vec<DeviceBuffer>,
}

impl Groups {
    pub(super) fn new(handle: &DeviceHandle, stream: &Stream, plan: &GroupPlan, part: Part) -> Result<Self> {
        let alloc = |what: &str, bytes: u64| handle.alloc(what, bytes as usize);
        let hashed = matches!(plan.table.kind, GroupKind::Hash | GroupKind::Wide);
        let keys = alloc("group keys", if hashed { plan.slots * 8 * plan.words.max(1) as u64 } else { 0 })?;
        let states = alloc("group states", if plan.table.kind == GroupKind::Wide { plan.slots * 4 } else { 0 })?;
        stream.fill(&keys, 0, keys.len(), 0xff)?;
        stream.fill(&states, 0, states.len(), 0)?;
        let accumulators = plan
            .table
            .accumulators
            .iter()
            .map(|kind| {
                let buffer = alloc("group accumulators", plan.slots * 8 * kind.words() as u64)?;
                fill_identity(stream, &buffer, *kind)?;
                Ok(buffer)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { plan: plan.clone(), part, keys, states, accumulators })
    }

    /// The part of its groups that it holds.
    pub(super) fn part(&self) -> Part {
        self.part
    }

    pub(super) fn word(&self, part: GroupPart) -> u64 {
        match part {
            GroupPart::Slots => self.plan.slots,
            GroupPart::Keys => self.keys.ptr().0,
            GroupPart::States => self.states.ptr().0,
            GroupPart::Mask => self.plan.slots - 1,
            GroupPart::KeyBase(part) => self.plan.bases[part] as u64,
            GroupPart::KeyDomain(part) => self.plan.domains[part],
            GroupPart::PartMask => self.part.words().0,
            GroupPart::PartValue => self.part.words().1,
            GroupPart::Accumulator(number) => self.accumulators[number].ptr().0,
        }
    }
}

/// Bytes of a pattern that come from the host, whole states of one, two or three words; the rest are copies of what is there already.
const PATTERN_BYTES: usize = 3 << 15;

/// Sums start at zero. Extremes start at the far end of 64 bits, which no byte pattern fills.
fn fill_identity(stream: &Stream, buffer: &DeviceBuffer, kind: AccumulatorKind) -> Result<()> {
    let identity = kind.identity();
    if identity.iter().all(|word| *word == 0) {
        return Ok(stream.fill(buffer, 0, buffer.len(), 0)?);
    }
    let state: Vec<u8> = identity.iter().flat_map(|word| word.to_le_bytes()).collect();
    let pattern: Vec<u8> = state.into_iter().cycle().take(PATTERN_BYTES.min(buffer.len())).collect();
    stream.upload(buffer, 0, &pattern)?;
    let mut filled = pattern.len();
    while filled < buffer.len() {
        let bytes = filled.min(buffer.len() - filled);
        stream.copy(buffer, filled, buffer, 0, bytes)?;
        filled += bytes;
    }
    Ok(())
}
