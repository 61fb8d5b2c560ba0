//! Tables of keys that may be held a part of their keys at a time, and by what: their *dimensions*.
//!
//! A stage that reads two tables in parts runs once for each combination of parts, unless a row has its turn in both at once.
//! It has where it looks into both by the same values, and a group table may be parted by some of its keys alone. So keys are
//! followed from the last stage to the first, through what a stage fills, probes and reads; those that are the same values
//! are one dimension. In the best case a whole plan has one, and what it costs to hold it in parts is a pass a part.

use super::{BuildPlan, GroupPlan, Limits, Stage, StageSource};
use crate::codegen::any_can_fail;
use crate::ir::{BuildSink, GroupKind, GroupTable, Matching, Origin, Pipeline, Probe, Sink, Step, Value, ValueKind};

/// A build that takes less than this share of what one table may is held whole: to look at parts would cost every row more.
const SMALL_SHARE: u64 = 64;

/// Keys that decide a part, as values of one stage, and their dimension.
type Known = (Vec<ValueKind>, usize);

/// Gives tables their dimensions, and says so in the pipelines that fill and probe them.
///
/// None to builds whose keys can fail: whether a key is computed at all depends on whether the whole build has rows; nor to those
/// without keys.
pub(super) fn part_states(stages: &mut [Stage], builds: &mut [BuildPlan], groups: &mut [GroupPlan], limits: Limits) {
    if !limits.parts {
        return;
    }
    let may_part = |(number, build): (usize, &BuildPlan)| {
        let is_small = !build.rows_estimated && build.bytes() < limits.table_bytes / SMALL_SHARE;
        !is_small && !stages.iter().any(|stage| is_whole(&stage.pipeline, number))
    };
    let parted: Vec<bool> = builds.iter().enumerate().map(may_part).collect();
    let mut dimensions = Dimensions { next: 0, parted };
    for number in (0..stages.len()).rev() {
        dimensions.of_stage(&stages[number], stages, builds, groups);
    }
    for stage in stages {
        match &mut stage.pipeline.sink {
            Sink::Build(sink) => sink.parted = builds[sink.build.0].dimension.is_some(),
            Sink::Aggregate { groups: table, .. } => {
                let plan = stage.groups.and_then(|number| groups.get(number));
                table.parted_by = plan.and_then(|plan| plan.table.parted_by.clone());
            }
            Sink::Emit { .. } => {}
        }
        for step in &mut stage.pipeline.steps {
            if let Step::Probe(probe) = step {
                probe.parted = builds[probe.build.0].dimension.is_some();
            }
        }
    }
}

struct Dimensions {
    next: usize,
    /// Which builds may be held in parts.
    parted: Vec<bool>,
}

impl Dimensions {
    /// What the stage fills has its dimension already where a later stage reads it; what it reads gets one.
    fn of_stage(&mut self, stage: &Stage, stages: &[Stage], builds: &mut [BuildPlan], groups: &mut [GroupPlan]) {
        let pipeline = &stage.pipeline;
        let keys_of = |keys: &[Value]| keys.iter().map(|key| origin(pipeline, stages, key)).collect::<Vec<_>>();
        let probes: Vec<(&Probe, Vec<ValueKind>)> = probes(pipeline)
            .filter(|probe| self.parted[probe.build.0])
            .map(|probe| (probe, keys_of(&probe.keys)))
            .collect();
        let mut known: Vec<Known> = Vec::new();
        match (&pipeline.sink, stage.groups) {
            (Sink::Build(sink), _) => {
                known.extend(builds[sink.build.0].dimension.map(|dimension| (keys_of(&sink.keys), dimension)));
            }
            (Sink::Aggregate { keys, .. }, Some(number)) if is_parted(&groups[number].table) => {
                let (keys, plan) = (keys_of(keys), &mut groups[number]);
                if plan.dimension.is_none() {
                    let probed = probes.iter().find_map(|(_, probed)| positions(&keys, probed));
                    plan.table.parted_by = Some(probed.unwrap_or_else(|| (0..keys.len()).collect()));
                    plan.dimension = Some(self.another());
                }
                let by = plan.table.parted_by.iter().flatten().map(|key| keys[*key].clone()).collect();
                known.extend(plan.dimension.map(|dimension| (by, dimension)));
            }
            _ => {}
        }
        for (probe, keys) in probes {
            let same = known.iter().find(|(other, _)| *other == keys).map(|(_, dimension)| *dimension);
            let dimension = same.unwrap_or_else(|| self.another());
            builds[probe.build.0].dimension = Some(dimension);
            known.push((keys, dimension));
        }
        if let StageSource::Groups(number) = stage.source
            && is_parted(&groups[number].table)
            && let Some((by, dimension)) = known.iter().find_map(|known| group_keys(pipeline, known))
        {
            groups[number].table.parted_by = Some(by);
            groups[number].dimension = Some(dimension);
        }
    }

    fn another(&mut self) -> usize {
        self.next += 1;
        self.next
    }
}

fn is_parted(table: &GroupTable) -> bool {
    matches!(table.kind, GroupKind::Hash | GroupKind::Wide)
}

fn probes(pipeline: &Pipeline) -> impl Iterator<Item = &Probe> {
    pipeline.steps.iter().filter_map(|step| match step {
        Step::Probe(probe) => Some(probe),
        Step::Filter(_) => None,
    })
}

/// Where each of `wanted` stands in `keys`, if all of them do.
fn positions(keys: &[ValueKind], wanted: &[ValueKind]) -> Option<Vec<usize>> {
    wanted.iter().map(|wanted| keys.iter().position(|key| key == wanted)).collect()
}

/// Keys that are all keys of the groups that a pipeline reads, as those.
fn group_keys(pipeline: &Pipeline, (keys, dimension): &Known) -> Option<(Vec<usize>, usize)> {
    let of_group = |key: &ValueKind| match key {
        ValueKind::Register(register) => match pipeline.registers[*register].origin {
            Origin::GroupKey(key) => Some(key),
            _ => None,
        },
        _ => None,
    };
    keys.iter().map(of_group).collect::<Option<Vec<_>>>().map(|keys| (keys, *dimension))
}

/// The value that a key was before any join: the key of a build that was found by a value is that value.
fn origin(pipeline: &Pipeline, stages: &[Stage], key: &Value) -> ValueKind {
    let found = || {
        let ValueKind::Register(register) = key.kind else { return None };
        let Origin::Payload { probe, column } = pipeline.registers[register].origin else { return None };
        let probe = probes(pipeline).nth(probe).filter(|probe| probe.matching == Matching::Inner)?;
        let sink = stages.iter().find_map(|stage| filled(stage, probe))?;
        let position = sink.keys.iter().position(|built| built.kind == sink.payload[column].0.kind)?;
        let looked_up = &probe.keys[position];
        let is_word = looked_up.bounds.fits_signed(64) && key.bounds.fits_signed(64) && looked_up.repr == key.repr;
        is_word.then(|| origin(pipeline, stages, looked_up))
    };
    found().unwrap_or_else(|| key.kind.clone())
}

/// The sink that fills the build of a probe.
fn filled<'a>(stage: &'a Stage, probe: &Probe) -> Option<&'a BuildSink> {
    match &stage.pipeline.sink {
        Sink::Build(sink) if sink.build == probe.build => Some(sink),
        _ => None,
    }
}

/// Whether a pipeline computes keys of a build that may fail, or fills one that has none.
fn is_whole(pipeline: &Pipeline, build: usize) -> bool {
    let fails = |keys: &[Value]| keys.is_empty() || any_can_fail(&pipeline.registers, keys);
    let probed = probes(pipeline).any(|probe| probe.build.0 == build && fails(&probe.keys));
    probed || matches!(&pipeline.sink, Sink::Build(sink) if sink.build.0 == build && fails(&sink.keys))
}
