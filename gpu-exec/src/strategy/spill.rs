//! Rows that wait on the host between two stages.
//!
//! A stage that reads or fills tables in parts reads its source once for each part, and where those are parts of two dimensions
//! once for each combination. Where that has turned out to be many, the stage is cut in two: the first half writes out what
//! is left of each row, by the part that it has of a dimension; the second reads of these rows those of one part at a time.
//! Cut *before* a dimension, a source that comes in waves is read once; cut *between* two, passes add up that would have
//! multiplied. Not here: which tables have which dimension (`parts.rs`); where the rows wait (`operators/spill`).

use super::{BuildPlan, GroupPlan, Limits, Stage, StageSource};
use crate::column::RowBound;
use crate::ir::{
    Bounds, ColumnShape, Constant, EmitColumn, Fragments, Origin, PARTS_MAX, PayloadShape, Pipeline, Register, Repr,
    Sink, Source, Step, StoredShape, Value, ValueKind,
};

use super::prune::used_registers;
use super::window::WindowPlan;

/// Rows that one stage writes out, or several of a union, and another reads.
#[derive(Clone, Debug)]
pub struct RowsPlan {
    /// What is kept of a row; the last column says of which part it is.
    pub columns: Vec<PayloadShape>,
    pub reading: RowsReading,
}

/// How written rows are read.
#[derive(Clone, Debug)]
pub enum RowsReading {
    /// As they were written, by the parts of a dimension.
    Parts { dimension: usize },
    /// Sorted, with what window functions make beside them; every part once (`window.rs`).
    Windows(WindowPlan),
}

impl RowsPlan {
    /// The dimension by which they are read in parts.
    pub fn dimension(&self) -> Option<usize> {
        match self.reading {
            RowsReading::Parts { dimension } => Some(dimension),
            RowsReading::Windows(_) => None,
        }
    }
}

/// Some of a plan's dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dimensions(u64);

/// Where stages are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// Dimensions no two of which one stage knows.
    pub between: Dimensions,
    /// Dimensions of which no table's rows are read again for each part.
    pub before: Dimensions,
}

/// Where a stage is cut: in front of this step (behind the last one: in front of the sink), which has these keys.
struct Cut {
    step: usize,
    keys: Vec<Value>,
    dimension: usize,
}

impl Dimensions {
    /// With one more. There are never as many that this set could not hold them; of those it would be silent.
    #[must_use]
    pub fn with(self, dimension: usize) -> Self {
        Self(self.0 | 1_u64.checked_shl(dimension as u32).unwrap_or(0))
    }

    pub fn has(self, dimension: usize) -> bool {
        self.0 & 1_u64.checked_shl(dimension as u32).unwrap_or(0) != 0
    }
}

impl Cuts {
    pub const NONE: Self = Self { between: Dimensions(0), before: Dimensions(0) };
}

/// Cuts stages where it was found to be better; behind the rows that are written out for windows.
pub(super) fn write_out(
    stages: &mut Vec<Stage>,
    (builds, groups): (&[BuildPlan], &[GroupPlan]),
    rows: &mut Vec<RowsPlan>,
    limits: Limits,
) {
    for mut stage in std::mem::take(stages) {
        while let Some(cut) = first_cut(&stage, (builds, groups), rows, limits.cuts) {
            let Some((before, plan, after)) = split(&stage, cut, rows.len()) else { break };
            stages.push(before);
            rows.push(plan);
            stage = after;
        }
        stages.push(stage);
    }
}

fn first_cut(
    stage: &Stage,
    (builds, groups): (&[BuildPlan], &[GroupPlan]),
    rows: &[RowsPlan],
    cuts: Cuts,
) -> Option<Cut> {
    let mut met = match stage.source {
        StageSource::Groups(number) => groups[number].dimension,
        StageSource::Rows(number) => rows[number].dimension(),
        StageSource::Scan(_) | StageSource::Input(_) => None,
    };
    // To read a window's rows again is to sort them again.
    let is_table = met.is_none();
    let mut meets = |dimension: Option<usize>| {
        let dimension = dimension.filter(|dimension| met != Some(*dimension))?;
        let is_cut = match met {
            Some(met) => cuts.between.has(met) && cuts.between.has(dimension),
            None => is_table && cuts.before.has(dimension),
        };
        if cuts.between.has(dimension) {
            met = Some(dimension);
        }
        is_cut.then_some(dimension)
    };
    for (number, step) in stage.pipeline.steps.iter().enumerate() {
        let Step::Probe(probe) = step else { continue };
        if let Some(dimension) = meets(builds[probe.build.0].dimension) {
            return Some(Cut { step: number, keys: probe.keys.clone(), dimension });
        }
    }
    let (keys, dimension) = match (&stage.pipeline.sink, stage.groups) {
        (Sink::Build(sink), _) => (sink.keys.clone(), builds[sink.build.0].dimension),
        (Sink::Aggregate { groups: table, keys, .. }, Some(number)) => {
            let by = table.parted_by.iter().flatten().map(|key| keys[*key].clone()).collect();
            (by, groups[number].dimension)
        }
        (Sink::Aggregate { .. } | Sink::Emit { .. }, _) => return None,
    };
    meets(dimension).map(|dimension| Cut { step: stage.pipeline.steps.len(), keys, dimension })
}

/// The stage up to the cut, which writes out its rows, and the stage that goes on with them. `None` where these would need
/// references to texts, which mean nothing once their wave is gone.
fn split(stage: &Stage, cut: Cut, number: usize) -> Option<(Stage, RowsPlan, Stage)> {
    let Stage { pipeline, lookups, .. } = stage.clone();
    let Pipeline { source, registers, mut steps, sink, mut fragments } = pipeline;
    let later_steps = steps.split_off(cut.step);
    let later_lines = fragments.steps.split_off(cut.step.min(fragments.steps.len()));
    let probed = steps.iter().filter(|step| matches!(step, Step::Probe(_))).count();
    let mut later = Pipeline {
        source: Source::Table { columns: vec![] },
        registers: registers.clone(),
        steps: later_steps,
        sink,
        fragments: Fragments { steps: later_lines, ..fragments.clone() },
    };
    let carried = carried(&later, probed);
    if carried.iter().any(|register| is_reference(&source, &registers[*register])) {
        return None;
    }
    let mut columns: Vec<EmitColumn> = carried.iter().map(|register| emitted(&registers, *register)).collect();
    let part = Value::int(ValueKind::PartOf(cut.keys), false, Bounds::new(0, i128::from(PARTS_MAX) - 1));
    columns.push(EmitColumn { shape: PayloadShape::narrow(&part), value: part });
    let reading = RowsReading::Parts { dimension: cut.dimension };
    let plan = RowsPlan { columns: columns.iter().map(|column| column.shape).collect(), reading };

    later.source = Source::Table { columns: plan.columns.iter().map(column_shape).collect() };
    for (number, register) in later.registers.iter_mut().enumerate() {
        register.origin = later_origin(register, carried.iter().position(|carried| *carried == number), probed);
    }
    let mut probes = stage.probes.clone();
    let later_probes = probes.split_off(probed);
    let multiplies = steps.iter().any(|step| matches!(step, Step::Probe(probe) if probe.multiplies()));
    let rows_out =
        if multiplies { RowBound::Guess(stage.rows_out.rows()) } else { RowBound::AtMost(stage.rows_out.rows()) };
    let first = Pipeline {
        source,
        registers,
        steps,
        sink: Sink::Emit { columns },
        fragments: Fragments { steps: fragments.steps, sink: "rows for the next pipeline".into(), calls: vec![] },
    };
    let before = Stage {
        pipeline: first,
        source: stage.source,
        groups: None,
        probes,
        build: None,
        rows: Some(number),
        lookups,
        rows_out,
    };
    let after = Stage { pipeline: later, source: StageSource::Rows(number), probes: later_probes, ..stage.clone() };
    Some((before, plan, after))
}

fn is_reference(source: &Source, register: &Register) -> bool {
    match (source, &register.origin) {
        (Source::Table { columns }, Origin::Column(column)) => columns[*column].stored == StoredShape::RawText,
        _ => false,
    }
}

/// What is left of rows that the later half needs: what it reads and cannot compute anew.
fn carried(later: &Pipeline, probed: usize) -> Vec<usize> {
    let is_carried = |register: &usize| match later.registers[*register].origin {
        Origin::Computed(_) => false,
        Origin::Payload { probe, .. } | Origin::Mark { probe } => probe < probed,
        Origin::Column(_) | Origin::GroupKey(_) | Origin::Accumulator(_) => true,
    };
    used_registers(later).into_iter().filter(is_carried).collect()
}

fn emitted(registers: &[Register], number: usize) -> EmitColumn {
    let register = &registers[number];
    let value = Value::new(ValueKind::Register(number), register.repr, register.nullable, register.bounds);
    EmitColumn { shape: PayloadShape::narrow(&value), value }
}

/// Rows lie as they were put out.
pub(super) fn column_shape(shape: &PayloadShape) -> ColumnShape {
    let stored = match shape.repr {
        Repr::Bool => StoredShape::Bool,
        Repr::Int => StoredShape::Int { width: shape.width, based: false },
        Repr::F32 => StoredShape::F32,
        Repr::F64 => StoredShape::F64,
    };
    ColumnShape { stored, nullable: shape.nullable }
}

/// Where the later half has a register from.
fn later_origin(register: &Register, column: Option<usize>, probed: usize) -> Origin {
    match (column, &register.origin) {
        (Some(column), _) => Origin::Column(column),
        (None, Origin::Payload { probe, column }) if *probe >= probed => {
            Origin::Payload { probe: probe - probed, column: *column }
        }
        (None, Origin::Mark { probe }) if *probe >= probed => Origin::Mark { probe: probe - probed },
        (None, Origin::Computed(value)) => Origin::Computed(value.clone()),
        // Nobody reads it any more.
        (None, _) => Origin::Computed(Value::new(
            ValueKind::Constant(Constant::Int(0)),
            register.repr,
            register.nullable,
            register.bounds,
        )),
    }
}
