//! What stages need: which states of a plan they read, by whom those are filled, and how much of the device each may take.
//! Functions of the plan alone. Not here: the states of a run (`states.rs`).

use crate::ir::{BuildId, GroupKind};
use crate::strategy::{BuildPlan, QueryPlan, Stage, StageSource};

/// What one stage fills and others read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Build(usize),
    Groups(usize),
    /// Rows written out; not one of keys, and always whole.
    Rows(usize),
}

/// The stages that fill a state, one after the other: several where it is of the rows of a union.
pub(super) fn filling(plan: &QueryPlan, state: State) -> impl Iterator<Item = usize> + '_ {
    let fills = move |stage: &Stage| match state {
        State::Build(number) => stage.build == Some(BuildId(number)),
        State::Groups(number) => stage.groups == Some(number),
        State::Rows(number) => stage.rows == Some(number),
    };
    plan.stages.iter().enumerate().filter(move |(_, stage)| fills(stage)).map(|(number, _)| number)
}

/// By what a state may be held in parts.
pub(super) fn dimension(plan: &QueryPlan, state: State) -> Option<usize> {
    match state {
        State::Build(number) => plan.builds[number].dimension,
        State::Groups(number) => plan.groups[number].dimension,
        State::Rows(_) => None,
    }
}

/// The states that a stage reads, each once. Those that take longest to fill come first: what comes last is filled anew for
/// every part of the others.
pub(super) fn states_read(plan: &QueryPlan, number: usize) -> Vec<State> {
    let stage = &plan.stages[number];
    let mut read = Vec::new();
    if let StageSource::Groups(groups) = stage.source {
        read.push(State::Groups(groups));
        // Its keys are the rows of a build.
        if let GroupKind::BuildRow { build, .. } = plan.groups[groups].table.kind {
            read.push(State::Build(build.0));
        }
    }
    if let StageSource::Rows(rows) = stage.source {
        read.push(State::Rows(rows));
    }
    read.extend(stage.probes.iter().map(|build| State::Build(build.0)));
    let mut once = Vec::with_capacity(read.len());
    read.into_iter().for_each(|state| {
        if !once.contains(&state) {
            once.push(state);
        }
    });
    if plan.parts {
        once.sort_by_key(|state| {
            let below: usize = filling(plan, *state).map(|number| stages_below(plan, number)).sum();
            // Rows wait on the host: before any memory is taken.
            (!matches!(state, State::Rows(_)), std::cmp::Reverse(below))
        });
    }
    once
}

/// Stages that run to fill what a stage reads, and the stage.
fn stages_below(plan: &QueryPlan, number: usize) -> usize {
    let below = |state| filling(plan, state).map(|number| stages_below(plan, number)).sum::<usize>();
    1 + states_read(plan, number).into_iter().map(below).sum::<usize>()
}

/// What one state held in parts may take of so many bytes for all that are held at once: as much as any other, but for what
/// smaller ones leave.
pub(super) fn share(plan: &QueryPlan, bytes: u64) -> u64 {
    let builds = plan.builds.iter().filter(|build| build.dimension.is_some());
    let size = |build: &BuildPlan| if build.rows_estimated { u64::MAX } else { build.bytes() };
    // Nobody knows how many groups there will be.
    let groups = plan.groups.iter().filter(|group| group.dimension.is_some()).map(|_| u64::MAX);
    let mut sizes: Vec<u64> = builds.map(size).chain(groups).collect();
    sizes.sort_unstable_by_key(|size| std::cmp::Reverse(*size));
    sizes.truncate(plan.emitting().map(|number| held_at_once(plan, number)).max().unwrap_or(0));
    let mut left = bytes;
    while let Some(smallest) = sizes.pop() {
        let even = left / (sizes.len() as u64 + 1);
        if smallest > even {
            return even;
        }
        left -= smallest;
    }
    bytes
}

/// States held in parts of which memory is taken at once, at most, until a stage has run.
fn held_at_once(plan: &QueryPlan, number: usize) -> usize {
    let is_parted = |state: &State| dimension(plan, *state).is_some();
    let stage = &plan.stages[number];
    let fills = stage.build.map(|build| State::Build(build.0)).or(stage.groups.map(State::Groups));
    let (mut held, mut most) = (0, 0);
    for state in states_read(plan, number) {
        let filled = filling(plan, state).map(|number| held_at_once(plan, number)).max();
        most = most.max(held + filled.unwrap_or(0));
        held += usize::from(is_parted(&state));
    }
    most.max(held + usize::from(fills.as_ref().is_some_and(is_parted)))
}
