//! Group tables: where the groups of an aggregation live.
//!
//! The first that fits: one group (no keys); the rows of a unique build whose key is grouped by; a thread's own share
//! of shared memory (few groups); the packed key as an address; a hash table of packed keys; a hash table of words.

use super::GroupPlan;
use super::branches::Branches;
use super::cut::PipelineBuilder;
use super::join::packed_domains;
use super::scope::OpenPipeline;
use crate::column::RowBound;
use crate::ir::{
    Accumulator, AccumulatorKind, Bounds, BuildId, GroupKind, GroupTable, KeyRows, KeyShape, Origin, Repr, Value,
    ValueKind,
};

/// Most groups of the private form: past this, a thread's share of shared memory costs too much occupancy.
const PRIVATE_GROUPS_MAX: u64 = 64;
/// Most shared memory of the private form, in bytes a block.
const PRIVATE_BYTES_MAX: u64 = 96 * 1024;
/// A direct table may have this many slots a source row, or so many anyway.
const DIRECT_SLOTS_PER_ROW: u64 = 4;
const DIRECT_SLOTS_FREE: u64 = 1 << 16;
/// A hash table starts with at most this many slots and grows where they do not suffice.
const HASH_SLOTS_START: u64 = 1 << 22;
/// However few groups are expected.
const SLOTS_MIN: u64 = 64;
/// More groups than any device has memory for.
const GROUPS_MAX: u64 = 1 << 40;

/// A probe of a unique build, and the probe-side registers that equal the build's key columns.
#[derive(Clone, Debug)]
pub(super) struct UniqueProbe {
    pub(super) build: BuildId,
    pub(super) probe: usize,
    /// (register of the probing pipeline, column of the build).
    pub(super) equal: Vec<(usize, usize)>,
}

impl PipelineBuilder<'_> {
    /// Chooses and sizes the group table for resolved keys and accumulators.
    pub(super) fn group_table(
        &self,
        open: &Branches,
        keys: &[Value],
        accumulators: &[Accumulator],
        row_count: Option<usize>,
    ) -> GroupPlan {
        let kinds: Vec<AccumulatorKind> = accumulators.iter().map(|accumulator| accumulator.kind).collect();
        let shapes: Vec<KeyShape> = keys
            .iter()
            .map(|key| KeyShape { repr: key.repr, nullable: key.nullable, bounds: key.bounds, payload: None })
            .collect();
        let table =
            |kind, shapes| GroupTable { kind, keys: shapes, accumulators: kinds.clone(), row_count, parted_by: None };
        if keys.is_empty() {
            return one_group(table(GroupKind::Ungrouped, vec![]));
        }
        let source_rows = open.rows();
        if let Some((kind, shapes, rows)) = open.only().and_then(|open| self.build_row_groups(open, keys)) {
            return GroupPlan {
                table: table(kind, shapes),
                bases: vec![],
                domains: vec![],
                words: 0,
                slots: rows,
                slots_max: rows,
                dimension: None,
            };
        }
        let words_a_group: u64 = kinds.iter().map(|kind| kind.words() as u64).sum::<u64>().max(1);
        match packed(open.first(), keys) {
            Some((bases, domains, product)) => {
                let private_bytes = product.saturating_mul(crate::codegen::private_group_bytes(accumulators).into());
                let kind = self.packed_kind(product, words_a_group, private_bytes, source_rows.rows());
                let (slots, slots_max) = if kind == GroupKind::Hash {
                    self.hash_slots(source_rows, product, words_a_group + 1)
                } else {
                    (product, product)
                };
                GroupPlan { table: table(kind, shapes), bases, domains, words: 1, slots, slots_max, dimension: None }
            }
            None => {
                let parts: Vec<(Repr, Bounds)> = keys.iter().map(|key| (key.repr, key.bounds)).collect();
                let words = crate::codegen::wide_words(&parts, keys.iter().any(|key| key.nullable));
                let (slots, slots_max) = self.hash_slots(source_rows, u64::MAX, words_a_group + words as u64);
                GroupPlan {
                    table: table(GroupKind::Wide, shapes),
                    bases: vec![],
                    domains: vec![],
                    words,
                    slots,
                    slots_max,
                    dimension: None,
                }
            }
        }
    }

    fn packed_kind(&self, product: u64, words_a_group: u64, private_bytes: u64, rows: u64) -> GroupKind {
        let shared_bytes = u64::from(self.limits.shared_bytes.saturating_sub(crate::codegen::QUEUE_BYTES));
        let direct_slots = (rows.saturating_mul(DIRECT_SLOTS_PER_ROW)).max(DIRECT_SLOTS_FREE);
        match () {
            () if product <= PRIVATE_GROUPS_MAX && private_bytes <= PRIVATE_BYTES_MAX.min(shared_bytes) => {
                GroupKind::Private
            }
            () if product <= direct_slots
                && product.saturating_mul(words_a_group * 8) <= self.limits.direct_bytes() =>
            {
                GroupKind::Direct
            }
            () => GroupKind::Hash,
        }
    }

    /// Slots a hash table of groups of so many words starts with, and those beyond which it never needs to grow: twice its
    /// groups. It starts within what one table may take: there are seldom as many groups as rows.
    fn hash_slots(&self, rows: RowBound, groups_max: u64, words: u64) -> (u64, u64) {
        let slots = |groups: u64| (groups.min(groups_max).min(GROUPS_MAX) * 2).next_power_of_two().max(SLOTS_MIN);
        let most = if rows.is_guess() { GROUPS_MAX } else { rows.rows() };
        let fitting = (self.limits.table_bytes / (words * 8) + 1).next_power_of_two() / 2;
        (slots(rows.rows()).min(HASH_SLOTS_START).min(fitting.max(SLOTS_MIN)), slots(most))
    }

    /// Groups that are the rows of a unique build: the keys cover the build's key and are otherwise its payload.
    fn build_row_groups(&self, open: &OpenPipeline, keys: &[Value]) -> Option<(GroupKind, Vec<KeyShape>, u64)> {
        if self.limits.parts {
            // They would have to stay together with the rows that they are.
            return None;
        }
        let registers: Vec<usize> = keys
            .iter()
            .map(|key| match key.kind {
                ValueKind::Register(register) => Some(register),
                _ => None,
            })
            .collect::<Option<_>>()?;
        self.unique_probes.iter().rev().filter(|unique| open.probes.get(unique.probe) == Some(&unique.build)).find_map(
            |unique| {
                let build = &self.builds[unique.build.0];
                let columns: Vec<usize> =
                    registers.iter().map(|register| build_column(open, unique, *register)).collect::<Option<_>>()?;
                let covered = unique.equal.iter().all(|(_, column)| columns.contains(column));
                if !covered || build.rows_of_key != KeyRows::One || build.rows_estimated {
                    return None;
                }
                let shapes =
                    columns.iter().map(|column| self.payload_key(unique.build, *column)).collect::<Option<_>>()?;
                Some((GroupKind::BuildRow { probe: unique.probe, build: unique.build }, shapes, build.rows.max(1)))
            },
        )
    }

    fn payload_key(&self, build: BuildId, column: usize) -> Option<KeyShape> {
        self.stages.iter().find_map(|stage| match &stage.pipeline.sink {
            crate::ir::Sink::Build(sink) if sink.build == build => {
                let (value, shape) = &sink.payload[column];
                Some(KeyShape {
                    repr: shape.repr,
                    nullable: shape.nullable,
                    bounds: value.bounds,
                    payload: Some(column),
                })
            }
            _ => None,
        })
    }
}

/// Bases, domains (one more for NULL) and their product, where keys pack into a word.
fn packed(open: &OpenPipeline, keys: &[Value]) -> Option<(Vec<i64>, Vec<u64>, u64)> {
    if keys.iter().any(|key| matches!(key.repr, Repr::F32 | Repr::F64) || !key.bounds.fits_signed(64)) {
        return None;
    }
    let ranges: Vec<(i128, i128)> = keys
        .iter()
        .map(|key| {
            let (min, max) = open.range(key);
            (min, max.checked_add(i128::from(key.nullable)).unwrap_or(max))
        })
        .collect();
    packed_domains(&ranges)
}

/// The build's column that a register of the probing pipeline equals.
fn build_column(open: &OpenPipeline, unique: &UniqueProbe, register: usize) -> Option<usize> {
    if let Some((_, column)) = unique.equal.iter().find(|(probe_side, _)| *probe_side == register) {
        return Some(*column);
    }
    match open.registers[register].origin {
        Origin::Payload { probe, column } if probe == unique.probe => Some(column),
        _ => None,
    }
}

fn one_group(table: GroupTable) -> GroupPlan {
    GroupPlan { table, bases: vec![], domains: vec![], words: 0, slots: 1, slots_max: 1, dimension: None }
}
