//! States: the tables of keys, and the rows written out, that one stage fills and others read. How large they are made, which part of its keys each
//! holds, and when they go.
//!
//! Sizes that are guesses grow: a table that was too small is filled again, by itself once a run is careful. Where it may be
//! held in parts (`part.rs`), it takes no more than its share of the device. Not here: which states a stage needs
//! (`needs.rs`), in which order stages run (`passes.rs`).

use super::build::Build;
use super::groups::Groups;
use super::needs::{State, dimension, filling, share};
use super::part::Part;
use super::run::Run;
use super::spill::RowsState;
use super::status::{Reported, Verdict};
use crate::device::{DeviceError, DeviceHandle};
use crate::error::{Error, Result};
use crate::strategy::{BuildPlan, GroupPlan, QueryPlan};

/// What states may take that are held at once, in eighths of the device. The rest is for waves and results.
const STATES_EIGHTHS: u64 = 5;
/// However little there is for waves and results, this share of the device may be one state's.
const STATE_SHARE_MIN: u64 = 64;

/// A state that must stay.
#[derive(Clone, Copy)]
struct InUse {
    state: State,
    part: Part,
    /// Whether it is being filled, by what is read after it; else it is read.
    is_filled: bool,
}

/// The tables of a run.
pub(super) struct States {
    pub(super) builds: Vec<Option<Build>>,
    pub(super) groups: Vec<Option<Groups>>,
    pub(super) rows: Vec<Option<RowsState>>,
    /// Rows that builds were found to need, in the parts they are held in now.
    build_rows: Vec<Option<u64>>,
    /// Slots of groups that were found too few for these parts.
    slots_full: Vec<u64>,
    /// How many parts each was found to need.
    build_parts: Vec<u64>,
    group_parts: Vec<u64>,
    /// Those that are being filled or read.
    in_use: Vec<InUse>,
    /// What one may take that may be held in parts, in bytes; and what it may take at least.
    share: u64,
    share_min: u64,
}

impl States {
    pub(super) fn new(handle: &DeviceHandle, plan: &QueryPlan) -> Self {
        let budget = handle.memory().budget_bytes;
        let (builds, groups) = (plan.builds.len(), plan.groups.len());
        Self {
            builds: (0..builds).map(|_| None).collect(),
            groups: (0..groups).map(|_| None).collect(),
            rows: plan.rows.iter().map(|_| None).collect(),
            build_rows: vec![None; builds],
            slots_full: vec![0; groups],
            build_parts: vec![1; builds],
            group_parts: vec![1; groups],
            in_use: vec![],
            share: share(plan, budget / 8 * STATES_EIGHTHS),
            share_min: budget / STATE_SHARE_MIN,
        }
    }

    /// While this lasts, a state is being filled with a part.
    pub(super) fn begin_filling(&mut self, state: State, part: Part) {
        self.in_use.push(InUse { state, part, is_filled: true });
    }

    /// While this lasts, a state is read.
    pub(super) fn begin_reading(&mut self, state: State, part: Part) {
        self.in_use.push(InUse { state, part, is_filled: false });
    }

    /// Ends what was begun last.
    pub(super) fn end_use(&mut self) {
        self.in_use.pop();
    }

    pub(super) fn is_in_use(&self, state: State) -> bool {
        self.in_use.iter().any(|used| used.state == state)
    }

    /// What is being filled now, and with which part.
    pub(super) fn being_filled(&self) -> Option<(State, Part)> {
        self.in_use.iter().rfind(|used| used.is_filled).map(|used| (used.state, used.part))
    }

    /// The part of its keys that a state holds.
    pub(super) fn part(&self, state: State) -> Option<Part> {
        match state {
            State::Build(number) => self.builds[number].as_ref().map(Build::part),
            State::Groups(number) => self.groups[number].as_ref().map(Groups::part),
            State::Rows(number) => self.rows[number].as_ref().map(|_| Part::WHOLE),
        }
    }

    fn drop(&mut self, state: State) {
        match state {
            State::Build(number) => self.builds[number] = None,
            State::Groups(number) => self.groups[number] = None,
            State::Rows(number) => self.rows[number] = None,
        }
    }

    fn all(&self) -> Vec<State> {
        let builds = (0..self.builds.len()).map(State::Build);
        let keyed = builds.chain((0..self.groups.len()).map(State::Groups));
        keyed.chain((0..self.rows.len()).map(State::Rows)).collect()
    }
}

impl Run<'_> {
    /// The stages that fill a state: there is one.
    pub(super) fn filling(&self, state: State) -> Result<Vec<usize>> {
        match filling(&self.plan, state).collect::<Vec<_>>() {
            none if none.is_empty() => Err(Error::internal(format!("no stage fills {state:?}"))),
            stages => Ok(stages),
        }
    }

    /// The parts to fill and read a state in now, as far as is known. Where the part of its dimension is settled, of that.
    pub(super) fn parts(&self, state: State) -> Vec<Part> {
        if self.dimension(state).is_none() {
            return vec![Part::WHOLE];
        }
        let (known, bytes) = match state {
            State::Build(number) => (self.states.build_parts[number], self.build_plan(number, Part::WHOLE).bytes()),
            State::Groups(number) => (self.states.group_parts[number], 0),
            State::Rows(_) => return vec![Part::WHOLE],
        };
        match (known.max(bytes.div_ceil(self.states.share)), self.settled_part(state)) {
            (1, _) => vec![Part::WHOLE],
            (count, settled) => settled.unwrap_or(Part::WHOLE).within(count),
        }
    }

    /// Smaller parts in place of these; `None` where they are as small as parts may be.
    pub(super) fn smaller(&mut self, state: State, parts: &[Part]) -> Option<Vec<Part>> {
        self.dimension(state)?;
        let settled = self.settled_part(state).unwrap_or(Part::WHOLE);
        let smaller: Option<Vec<Vec<Part>>> = parts
            .iter()
            .map(|part| if part.count() < settled.count() { Some(vec![settled]) } else { part.halves().map(Vec::from) })
            .collect();
        let smaller = smaller?.concat();
        let most = smaller.iter().map(|part| part.count()).max().unwrap_or(1);
        match state {
            State::Build(number) => {
                self.states.build_parts[number] = most;
                self.states.build_rows[number] = None;
            }
            State::Groups(number) => {
                self.states.group_parts[number] = most;
                self.states.slots_full[number] = 0;
            }
            State::Rows(_) => {}
        }
        Some(smaller)
    }

    pub(super) fn dimension(&self, state: State) -> Option<usize> {
        dimension(&self.plan, state)
    }

    /// The part of a state's dimension that the stage is about now that reads it: of what it fills, or of what it reads
    /// besides. Not what is held for stages that wait for this one: what is filled for them may be a larger part.
    fn settled_part(&self, state: State) -> Option<Part> {
        self.part_of_stage(self.dimension(state)?)
    }

    /// The part of a dimension that the stage is about now that runs.
    pub(super) fn part_of_stage(&self, dimension: usize) -> Option<Part> {
        let begin = self.states.in_use.iter().rposition(|used| used.is_filled).unwrap_or(0);
        let same = self.states.in_use[begin..].iter().filter(|used| self.dimension(used.state) == Some(dimension));
        same.map(|used| used.part).max_by_key(|part| part.count())
    }

    /// The dimensions that the stage is about which runs, each with the number of parts alike.
    pub(super) fn parts_of_stage(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let begin = self.states.in_use.iter().rposition(|used| used.is_filled).unwrap_or(0);
        let used = self.states.in_use[begin..].iter();
        used.filter_map(|used| Some((self.dimension(used.state)?, used.part.count())))
    }

    /// Whether a state's size is a guess, so that it has to be asked how it went.
    pub(super) fn is_guess(&self, state: State, part: Part) -> bool {
        !part.is_whole()
            || match state {
                State::Build(number) => self.plan.builds[number].rows_estimated,
                State::Groups(number) => self.plan.groups[number].slots < self.plan.groups[number].slots_max,
                State::Rows(_) => false,
            }
    }

    fn guesses(&self) -> Vec<State> {
        self.states.all().into_iter().filter(|state| self.is_guess(*state, Part::WHOLE)).collect()
    }

    fn has_guesses(&self) -> bool {
        !self.guesses().is_empty()
    }

    /// Leaves more of the device to waves and results; `false` where states in parts take little as it is.
    pub(super) fn take_less(&mut self) -> bool {
        let is_more = self.plan.parts && self.states.share / 2 >= self.states.share_min;
        if is_more {
            self.states.share /= 2;
        }
        is_more
    }

    /// Says no to what would take more than its share.
    pub(super) fn refuse_past_share(&mut self, state: State, part: Part) -> Result<()> {
        let (operation, asked_bytes) = match state {
            State::Build(number) => ("join build", self.build_plan(number, part).bytes()),
            State::Groups(number) => {
                self.fit_slots(number);
                ("groups", self.plan.groups[number].bytes())
            }
            State::Rows(_) => return Ok(()),
        };
        if self.dimension(state).is_none() || asked_bytes <= self.states.share {
            return Ok(());
        }
        let memory = self.handle.memory();
        Err(Error::Device(DeviceError::OutOfMemory {
            operation: operation.to_owned(),
            asked_bytes,
            used_bytes: memory.used_bytes,
            budget_bytes: memory.budget_bytes,
        }))
    }

    /// Memory for a state, empty.
    pub(super) fn allocate(&mut self, state: State, part: Part) -> Result<()> {
        match state {
            State::Build(number) => {
                let plan = self.build_plan(number, part);
                self.status.clear_build(&self.stream, number)?;
                let device = (self.handle, &self.stream);
                self.states.builds[number] = Some(Build::new(device, &plan, part, self.status.build(number))?);
            }
            State::Groups(number) => {
                let plan = &self.plan.groups[number];
                self.states.groups[number] = Some(Groups::new(self.handle, &self.stream, plan, part)?);
            }
            State::Rows(number) => {
                self.states.rows[number] = Some(RowsState::new(&self.plan.rows[number], &self.space));
            }
        }
        Ok(())
    }

    /// A group table grows to what its share allows before it is held in smaller parts.
    fn fit_slots(&mut self, number: usize) {
        let full = self.states.slots_full[number];
        let plan = &mut self.plan.groups[number];
        while plan.dimension.is_some() && plan.bytes() > self.states.share && plan.slots / 2 > full {
            plan.slots /= 2;
        }
    }

    fn build_plan(&self, number: usize, part: Part) -> BuildPlan {
        let plan = &self.plan.builds[number];
        match self.states.build_rows[number] {
            Some(rows) => plan.for_rows(rows),
            // A guess is tried within the share before parts are.
            None if plan.rows_estimated && plan.dimension.is_some() => {
                plan.for_rows(plan.rows_within(self.states.share).min(part.rows(plan.rows)))
            }
            None if part.is_whole() => plan.clone(),
            None => plan.for_rows(part.rows(plan.rows)),
        }
    }

    /// Whether a state was too small, by what was reported once it was filled. It is larger from now on then.
    fn grow(&mut self, state: State, part: Part, reported: &Reported) -> Result<bool> {
        match state {
            State::Rows(_) => Ok(false),
            _ if !self.is_guess(state, part) => Ok(false),
            State::Build(number) => Ok(self.grow_build(number, part, reported)),
            State::Groups(_) if !reported.is_full() => Ok(false),
            State::Groups(number) => {
                let plan = &mut self.plan.groups[number];
                if plan.slots >= plan.slots_max {
                    return Err(Error::internal("a group table overflowed that was sized by its source"));
                }
                self.states.slots_full[number] = plan.slots;
                grow_slots(plan);
                Ok(true)
            }
        }
    }

    /// Asks a state that was filled whether it was too small: waits for the device. It is larger from now on then.
    pub(super) fn has_grown(&mut self, state: State, part: Part) -> Result<bool> {
        if !self.is_guess(state, part) {
            return Ok(false);
        }
        let reported = self.status.read(&self.stream)?;
        self.grow(state, part, &reported)
    }

    fn grow_build(&mut self, number: usize, part: Part, reported: &Reported) -> bool {
        let Some(build) = &self.states.builds[number] else { return false };
        let (stored, room) = (reported.rows_of_build(number), build.rows());
        if !reported.is_full() && stored <= room {
            return false;
        }
        // Rows that found no slot were not counted.
        let rows = if reported.is_full() { stored.max(room.saturating_mul(4)) } else { stored };
        self.states.build_rows[number] = Some(rows);
        if part.is_whole() {
            let plan = &mut self.plan.builds[number];
            (plan.rows, plan.rows_estimated) = (plan.rows.max(rows), reported.is_full());
        }
        true
    }

    /// Whether all tables so far were large enough, where that has to be known before more is done: waits for the device.
    pub(super) fn is_settled(&mut self) -> Result<bool> {
        if self.careful || !self.has_guesses() {
            return Ok(true);
        }
        let reported = self.status.read(&self.stream)?;
        self.settle(&reported)
    }

    /// Whether all tables were large enough, by what was reported of the stages that filled them; those that were not are
    /// larger now. A table that lacked rows makes every other report doubtful, so that it is asked first.
    ///
    /// # Errors
    /// What the query did wrong.
    pub(super) fn settle(&mut self, reported: &Reported) -> Result<bool> {
        let guesses = if self.careful { vec![] } else { self.guesses() };
        if reported.is_full() && guesses.len() > 1 {
            // Which of them it was shows when they are filled one by one.
            return Ok(false);
        }
        let mut settled = true;
        for state in guesses {
            settled &= !self.grow(state, Part::WHOLE, reported)?;
        }
        if !settled {
            return Ok(false);
        }
        if reported.verdict()? == Verdict::Grow {
            return Err(Error::internal("a table overflowed that was sized by its source"));
        }
        Ok(true)
    }

    /// Gives a state's memory back. Waits for what is in flight: the memory may be another query's in the next moment.
    pub(super) fn release(&mut self, state: State) -> Result<()> {
        if self.states.part(state).is_some() {
            self.stream.synchronize()?;
            self.states.drop(state);
        }
        Ok(())
    }

    pub(super) fn release_all(&mut self) -> Result<()> {
        self.states.in_use.clear();
        self.states.all().into_iter().try_for_each(|state| self.release(state))
    }

    /// Gives back what is held and not used now, but may be asked for again.
    pub(super) fn release_idle(&mut self) -> Result<()> {
        // What waits on the host takes nothing of the device.
        let idle = |state: &State| !self.states.is_in_use(*state) && !matches!(state, State::Rows(_));
        let idle: Vec<State> = self.states.all().into_iter().filter(idle).collect();
        idle.into_iter().try_for_each(|state| self.release(state))
    }
}

fn grow_slots(plan: &mut GroupPlan) {
    plan.slots = (plan.slots * 8).min(plan.slots_max.max(plan.slots));
}
