//! Pruning: a join build keeps only the payload that a later stage reads, and of rows that are written out only that is written.

use std::collections::BTreeSet;

use super::{BuildPlan, GroupPlan, RowsPlan, RowsReading, Stage, StageSource};
use crate::ir::{BuildId, GroupKind, Origin, Pipeline, Register, Sink, Source, Step, Value, ValueKind};

/// Drops unread payload columns and renumbers what remains. Stages are visited last to first: what a stage reads is
/// known only once its own unread payload is gone.
pub(super) fn prune_payload(
    stages: &mut [Stage],
    builds: &mut [BuildPlan],
    groups: &mut [GroupPlan],
    rows: &mut [RowsPlan],
) {
    let mut used: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); builds.len()];
    let mut used_rows: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); rows.len()];
    // Which columns of written rows are still written, once all who read them were visited.
    let mut written: Vec<Option<Vec<bool>>> = vec![None; rows.len()];
    for stage in stages.iter_mut().rev() {
        if let (Some(number), Sink::Emit { columns }) = (stage.rows, &mut stage.pipeline.sink) {
            let needed =
                written[number].get_or_insert_with(|| prune_rows(&mut rows[number], &used_rows[number], columns.len()));
            retain(columns, |column| needed[column]);
        }
        if let (Some(build), Sink::Build(sink)) = (stage.build, &mut stage.pipeline.sink) {
            let keep = &used[build.0];
            retain(&mut sink.payload, |column| keep.contains(&column));
        }
        mark_used(stage, &mut used);
        if let StageSource::Rows(number) = stage.source {
            used_rows[number].extend(stage.columns_read());
        }
    }
    for (build, keep) in builds.iter_mut().zip(&used) {
        build.payload = keep.iter().map(|column| build.payload[*column]).collect();
    }
    for stage in stages.iter_mut() {
        renumber(stage, &used);
        if let StageSource::Rows(number) = stage.source {
            renumber_columns(&mut stage.pipeline, &used_rows[number]);
        }
    }
    for group in groups.iter_mut() {
        renumber_keys(&mut group.table, &used);
    }
}

/// Drops what nobody reads of rows; says which of the `count` columns are still to be written.
fn prune_rows(plan: &mut RowsPlan, read: &BTreeSet<usize>, count: usize) -> Vec<bool> {
    let needed = match &mut plan.reading {
        RowsReading::Windows(window) => window.prune(read, count),
        RowsReading::Parts { .. } => vec![true; count],
    };
    retain(&mut plan.columns, |column| needed[column]);
    needed
}

/// Keeps items by their places.
pub(super) fn retain<T>(items: &mut Vec<T>, is_kept: impl Fn(usize) -> bool) {
    let mut places = 0..;
    items.retain(|_| places.next().is_some_and(&is_kept));
}

/// A pipeline over rows of which only these columns are left.
fn renumber_columns(pipeline: &mut Pipeline, kept: &BTreeSet<usize>) {
    for Register { origin, .. } in &mut pipeline.registers {
        if let Origin::Column(column) = origin {
            *column = position(kept, *column);
        }
    }
    if let Source::Table { columns } = &mut pipeline.source {
        retain(columns, |column| kept.contains(&column));
    }
}

/// Every register that the steps and the sink of a pipeline need, directly or through computed ones.
pub(super) fn used_registers(pipeline: &Pipeline) -> BTreeSet<usize> {
    let mut pending: Vec<usize> = read_values(pipeline).into_iter().flat_map(Value::registers).collect();
    let mut seen = BTreeSet::new();
    while let Some(register) = pending.pop() {
        if seen.insert(register)
            && let Origin::Computed(value) = &pipeline.registers[register].origin
        {
            pending.extend(value.registers());
        }
    }
    seen
}

/// The registers whose texts a pipeline looks at.
pub(super) fn tested_texts(pipeline: &Pipeline) -> BTreeSet<usize> {
    fn walk(value: &Value, found: &mut BTreeSet<usize>) {
        if let ValueKind::TextTest { text, .. } | ValueKind::TextLength { text, .. } = &value.kind {
            found.extend(text.registers());
        }
        value.children().into_iter().for_each(|child| walk(child, found));
    }
    let computed =
        used_registers(pipeline).into_iter().filter_map(|register| match &pipeline.registers[register].origin {
            Origin::Computed(value) => Some(value),
            _ => None,
        });
    let mut found = BTreeSet::new();
    read_values(pipeline).into_iter().chain(computed).for_each(|value| walk(value, &mut found));
    found
}

fn mark_used(stage: &Stage, used: &mut [BTreeSet<usize>]) {
    let pipeline = &stage.pipeline;
    for register in used_registers(pipeline) {
        if let Origin::Payload { probe, column } = &pipeline.registers[register].origin {
            used[stage.probes[*probe].0].insert(*column);
        }
    }
    let tables = [source_groups(pipeline), sink_groups(pipeline)];
    for table in tables.into_iter().flatten() {
        if let GroupKind::BuildRow { build, .. } = table.kind {
            used[build.0].extend(table.keys.iter().filter_map(|key| key.payload));
        }
    }
}

fn source_groups(pipeline: &Pipeline) -> Option<&crate::ir::GroupTable> {
    match &pipeline.source {
        Source::Groups(groups) => Some(groups),
        Source::Table { .. } => None,
    }
}

fn sink_groups(pipeline: &Pipeline) -> Option<&crate::ir::GroupTable> {
    match &pipeline.sink {
        Sink::Aggregate { groups, .. } => Some(groups),
        _ => None,
    }
}

/// Every value the steps and the sink of a pipeline read directly.
fn read_values(pipeline: &Pipeline) -> Vec<&Value> {
    let steps = pipeline.steps.iter().flat_map(|step| match step {
        Step::Filter(predicate) => vec![predicate],
        Step::Probe(probe) => probe.values().collect(),
    });
    let sink: Vec<&Value> = match &pipeline.sink {
        Sink::Build(build) => build.keys.iter().chain(build.payload.iter().map(|(value, _)| value)).collect(),
        // The keys of build-row groups are taken from the build, not from the row.
        Sink::Aggregate { groups, keys, accumulators } => {
            let keys = if matches!(groups.kind, GroupKind::BuildRow { .. }) { &[] } else { keys.as_slice() };
            keys.iter()
                .chain(accumulators.iter().flat_map(|accumulator| accumulator.value.iter().chain(&accumulator.filter)))
                .collect()
        }
        Sink::Emit { columns } => columns.iter().map(|column| &column.value).collect(),
    };
    steps.chain(sink).collect()
}

/// Position of a column among those kept.
fn position(used: &BTreeSet<usize>, column: usize) -> usize {
    used.range(..column).count()
}

fn renumber(stage: &mut Stage, used: &[BTreeSet<usize>]) {
    let probes = stage.probes.clone();
    for Register { origin, .. } in &mut stage.pipeline.registers {
        if let Origin::Payload { probe, column } = origin {
            *column = position(&used[probes[*probe].0], *column);
        }
    }
    for step in &mut stage.pipeline.steps {
        if let Step::Probe(probe) = step {
            probe.payload = used[probe.build.0].iter().map(|column| probe.payload[*column]).collect();
        }
    }
    if let Source::Groups(groups) = &mut stage.pipeline.source {
        renumber_keys(groups, used);
    }
    if let Sink::Aggregate { groups, .. } = &mut stage.pipeline.sink {
        renumber_keys(groups, used);
    }
}

fn renumber_keys(table: &mut crate::ir::GroupTable, used: &[BTreeSet<usize>]) {
    if let GroupKind::BuildRow { build: BuildId(build), .. } = table.kind {
        for key in &mut table.keys {
            key.payload = key.payload.map(|column| position(&used[build], column));
        }
    }
}
