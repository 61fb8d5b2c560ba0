//! What a thread bears: estimates that keep the source of large queries within the registers of a thread.
//!
//! A thread has 128 registers of 4 bytes (256 threads a block, two blocks a multiprocessor); what does not fit is
//! spilled to memory, and code that is unrolled 8 times takes 8 times as long to compile. The limits are far above
//! what queries commonly need; they decide how a source is walked, how many outputs are computed before they are
//! stored, and how many accumulators are kept in one pass. Not here: the choice itself (`body.rs`, `sink.rs`).

use std::collections::BTreeSet;
use std::ops::Range;

use super::sink::state_words;
use crate::ir::{Accumulator, GroupKind, Origin, Pipeline, Source, StoredShape, Value, ValueKind};

/// Outputs of a row that are computed before the first of them is stored: enough loads in flight to hide their
/// latency, few enough values to hold.
pub(super) const OUTPUTS_AT_ONCE: usize = 8;

/// Columns of a row that are loaded before a value is computed from them.
pub(super) const REGISTERS_AT_ONCE: usize = 16;

/// Registers that a thread's 8 rows of the source's columns may take.
const TILE_REGISTERS: usize = 64;
/// Registers for the states of ungrouped accumulators.
const STATE_REGISTERS: usize = 48;
/// Values computed for a row, where the row's code is unrolled.
const UNROLLED_VALUES: usize = 160;
/// Passes over vectors: each is unrolled, and compiled.
const VECTOR_PASSES: usize = 2;

/// What the unrolled code of a row reads and computes.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    registers: BTreeSet<usize>,
    values: usize,
}

impl Load {
    /// Adds a value and, the first time it is needed, the registers it is computed from.
    fn add(&mut self, pipeline: &Pipeline, value: &Value) {
        self.values += size(value);
        for register in value.registers() {
            if !self.registers.insert(register) {
                continue;
            }
            if let Origin::Computed(computed) = &pipeline.registers[register].origin {
                self.add(pipeline, computed);
            }
        }
    }

    /// Whether 8 rows of it fit a thread.
    pub(super) fn fits_vector(&self, pipeline: &Pipeline) -> bool {
        self.values <= UNROLLED_VALUES && self.tile_registers(pipeline) <= TILE_REGISTERS
    }

    fn tile_registers(&self, pipeline: &Pipeline) -> usize {
        let Source::Table { columns } = &pipeline.source else { return 0 };
        let read = self.registers.iter().filter_map(|register| match pipeline.registers[*register].origin {
            Origin::Column(column) => Some(columns[column]),
            _ => None,
        });
        read.map(|column| 8 * stored_bytes(column.stored) / 4 + usize::from(column.nullable)).sum()
    }
}

/// Values in an expression.
fn size(value: &Value) -> usize {
    let own = match &value.kind {
        ValueKind::InSet { constants, .. } => constants.len(),
        _ => 1,
    };
    own + value.children().into_iter().map(size).sum::<usize>()
}

fn stored_bytes(stored: StoredShape) -> usize {
    match stored {
        // A reference is computed, not loaded.
        StoredShape::RawText => 0,
        StoredShape::Int { width, .. } | StoredShape::Codes { width } => width.bytes(),
        StoredShape::Bool => 1,
        StoredShape::F32 => 4,
        StoredShape::F64 => 8,
    }
}

/// What a row reads and computes for some values.
pub(super) fn load<'a>(pipeline: &Pipeline, values: impl IntoIterator<Item = &'a Value>) -> Load {
    let mut load = Load::default();
    for value in values {
        load.add(pipeline, value);
    }
    load
}

/// All accumulators in one pass.
pub(super) fn one_pass(accumulators: usize) -> Vec<Range<usize>> {
    std::iter::once(0..accumulators).collect()
}

/// The accumulators in passes over the source: as many each as a thread can keep states for and, where a pass walks
/// vectors and begins with the load `vector`, as that walk bears. `None`: too much for vectors, however few.
///
/// Each pass reads the columns of its own accumulators, and the filters' columns again.
pub(super) fn passes(
    pipeline: &Pipeline,
    kind: GroupKind,
    accumulators: &[Accumulator],
    vector: Option<&Load>,
) -> Option<Vec<Range<usize>>> {
    let mut passes = Vec::new();
    let (mut begin, mut words, mut load) = (0, 0, vector.cloned());
    for (number, accumulator) in accumulators.iter().enumerate() {
        let own_words = if kind == GroupKind::Ungrouped { state_words(accumulator) } else { 0 };
        let fits = |load: &Option<Load>| load.as_ref().is_none_or(|load| load.fits_vector(pipeline));
        let mut together = with(pipeline, &load, accumulator);
        words += own_words;
        if number > begin && (2 * words > STATE_REGISTERS || !fits(&together)) {
            passes.push(begin..number);
            (begin, words, together) = (number, own_words, with(pipeline, &vector.cloned(), accumulator));
        }
        if !fits(&together) {
            return None;
        }
        load = together;
    }
    passes.push(begin..accumulators.len());
    (vector.is_none() || passes.len() <= VECTOR_PASSES).then_some(passes)
}

fn with(pipeline: &Pipeline, load: &Option<Load>, accumulator: &Accumulator) -> Option<Load> {
    let mut load = load.clone()?;
    for value in accumulator.filter.iter().chain(&accumulator.value) {
        load.add(pipeline, value);
    }
    Some(load)
}
