//! The order of a run: a stage runs once the states are there that it reads, and a state is filled when it is first read.
//!
//! A stage that reads states held in parts runs once for each combination of their parts, over all of its rows each time;
//! kernels leave out the rows of other parts. What it fills is added to by each pass. So a state is done before the first
//! pass that reads it, rows leave in the passes of the last stage alone, and where a part turns out too large before that
//! it is halved and nothing has happened twice.
//!
//! Where rows would be read too often for all these parts, a run ends before a row has left and says so: stages can be cut, and
//! rows written out by their parts (`strategy/spill.rs`).
//!
//! A run is confident at first: nothing waits before the first rows are on the host, and with them comes the word whether all
//! tables were large enough. Where one was not, or where tables may be held in parts, it is careful: each table is asked once
//! it is filled.

use arrow::record_batch::RecordBatch;

use super::feed::Again;
use super::forecast::Seen;
use super::needs::{State, states_read};
use super::part::Part;
use super::run::{ATTEMPTS_MAX, Run};
use super::spill::RowsState;
use super::stage_report::{Sorted, StageReport};
use super::status::Verdict;
use crate::device::DeviceError;
use crate::error::{Error, Result};
use crate::strategy::{Cuts, Stage, StageSource};

/// How often all stages together may read their sources before a row has left.
const PASSES_MAX: u64 = 1000;

/// How often a stage may read its source for all combinations of the parts of two dimensions, before it is cut between them.
const PASSES_OF_TWO: u64 = 4;
/// How often a table that comes in waves may be read for the parts of one, before its rows are written out by them, where a
/// pass is an upload of what waits on the host.
const PASSES_OF_ONE: u64 = 8;
/// The same of either where a pass decodes the table anew, which costs as much as to write its rows out and to read them.
const PASSES_DECODED: u64 = 2;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Its rows are out, or nobody wants more.
    Done,
    /// No row has left, and rows would be read too often: the plan is to be cut so.
    Cut(Cuts),
}

/// Who takes the rows of a run.
pub trait Reader {
    /// Whether anybody still wants rows. Asked before each wave: a feed may have no end.
    fn wants(&mut self) -> bool;

    /// Hears what the stages have done so far, before each wave and before rows.
    fn hears(&mut self, stages: &[StageReport]);

    /// Takes rows; `false` once nobody wants more.
    fn take(&mut self, batch: RecordBatch) -> bool;

    /// Memory was refused after rows have left, when nothing can begin anew. Waits for some; whether to try again.
    fn waits_for_room(&mut self) -> bool;
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Done,
    /// Nobody wants more rows.
    Stop,
    /// A table was too small.
    Again,
    /// Rows would be read too often.
    Cut(Cuts),
}

impl Run<'_> {
    /// Runs every stage, and hands the rows of the last to `reader`.
    ///
    /// # Errors
    /// What the query or the device has to say. `OutOfMemory` where some state or wave has no room, in parts either if the
    /// plan has any.
    pub fn run(&mut self, reader: &mut dyn Reader) -> Result<RunEnd> {
        let emitting: Vec<usize> = self.plan.emitting().collect();
        for _ in 0..ATTEMPTS_MAX {
            self.status.clear(&self.stream)?;
            self.forecast.seen = Seen::default();
            self.sorted.clear();
            self.held.clear();
            self.rows_emitted = 0;
            self.reports.iter_mut().for_each(|report| report.sorted = Sorted::default());
            let flow = match self.emit_each(&emitting, reader) {
                Ok(Flow::Done) if self.plan.sort.is_some() => {
                    return self.hand_over_sorted(reader).map(|_| RunEnd::Done);
                }
                flow => flow,
            };
            match flow {
                // What is read and put out beside them had no room.
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if !self.has_left() && self.take_less() => {}
                Ok(Flow::Done | Flow::Stop) => return self.hand_over_held(reader).map(|()| RunEnd::Done),
                Ok(Flow::Cut(cuts)) => return self.release_all().map(|()| RunEnd::Cut(cuts)),
                Ok(Flow::Again) => self.careful = true,
                Err(error) => return Err(error),
            }
            self.release_all()?;
        }
        Err(Error::internal("a run was repeated too often for want of table space"))
    }

    /// Runs the stages whose rows leave, one after the other.
    fn emit_each(&mut self, emitting: &[usize], reader: &mut dyn Reader) -> Result<Flow> {
        if emitting.len() > 1 && !self.plan.parts {
            // Where one of them has no room, that has to be known before a row has left. Those in parts make do with less.
            for state in emitting.iter().flat_map(|number| states_read(&self.plan, *number)).collect::<Vec<_>>() {
                match self.hold(state, Part::WHOLE, reader)? {
                    Flow::Done => {}
                    ended => return Ok(ended),
                }
            }
        }
        for number in emitting {
            self.emits = false;
            let flow = match self.read(*number, &states_read(&self.plan, *number), reader)? {
                Flow::Done => self.end()?,
                ended => ended,
            };
            if flow != Flow::Done {
                return Ok(flow);
            }
        }
        Ok(Flow::Done)
    }

    /// Runs a stage once for each combination of the parts of these states.
    fn read(&mut self, number: usize, states: &[State], reader: &mut dyn Reader) -> Result<Flow> {
        let Some((state, others)) = states.split_first() else { return self.pass(number, reader) };
        let mut parts = self.parts(*state);
        while let Some(part) = parts.last().copied() {
            if let Some(cuts) = self.read_too_often(number, *state, parts.len() as u64) {
                return Ok(Flow::Cut(cuts));
            }
            match self.hold(*state, part, reader) {
                Ok(Flow::Done) => {}
                // Others may have what the part before had.
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if self.has_left() && reader.waits_for_room() => {
                    self.release(*state)?;
                    continue;
                }
                Err(error @ Error::Device(DeviceError::OutOfMemory { .. })) => {
                    self.release(*state)?;
                    // Those that are still to come are no smaller.
                    parts = self.smaller(*state, &parts).ok_or(error)?;
                    continue;
                }
                ended => return ended,
            }
            parts.pop();
            self.states.begin_reading(*state, part);
            let flow = self.read(number, others, reader);
            self.states.end_use();
            match flow? {
                Flow::Done => {}
                ended => return Ok(ended),
            }
        }
        Ok(Flow::Done)
    }

    /// How the plan should be cut, where a stage is to read a state in so many parts more, and its source for each of them.
    fn read_too_often(&self, number: usize, state: State, parts: u64) -> Option<Cuts> {
        // Whoever starts again reads again what it has read.
        let may_restart = self.rows_emitted == 0 && !self.has_once();
        let dimension = self.dimension(state).filter(|_| parts > 1 && may_restart)?;
        let mut cuts = self.plan.cuts;
        let again = self.again_for_parts(number, dimension);
        let (of_two, of_one) = match again {
            Again::Free => (PASSES_OF_TWO, u64::MAX),
            Again::Upload => (PASSES_OF_TWO, PASSES_OF_ONE),
            Again::Decode => (PASSES_DECODED, PASSES_DECODED),
        };
        let other = self.parts_of_stage().filter(|(other, _)| *other != dimension).max_by_key(|(_, count)| *count);
        if let Some((other, _)) = other.filter(|(_, count)| *count > 1 && parts * count > of_two) {
            cuts.between = cuts.between.with(dimension).with(other);
        }
        if parts > of_one {
            cuts.before = cuts.before.with(dimension);
        }
        (cuts != self.plan.cuts).then_some(cuts)
    }

    /// What it costs that a stage, and those that fill tables of this dimension for it, read their tables again for each part:
    /// as much as the dearest of them.
    fn again_for_parts(&self, number: usize, dimension: usize) -> Again {
        let fills = states_read(&self.plan, number).into_iter().filter(|read| self.dimension(*read) == Some(dimension));
        let filling = fills.filter_map(|read| self.filling(read).ok()).flatten();
        filling.map(|number| self.again_for_parts(number, dimension)).fold(self.again(number), Again::max)
    }

    /// Fills a state with a part of its keys, unless it has just that.
    fn hold(&mut self, state: State, part: Part, reader: &mut dyn Reader) -> Result<Flow> {
        if self.states.part(state) == Some(part) {
            return Ok(Flow::Done);
        }
        let numbers = self.filling(state)?;
        if self.careful && self.is_guess(state, part) {
            // An error of what was filled before would be lost with those of a table that turns out too small.
            self.verdict()?;
        }
        let mut is_alone = !self.plan.parts;
        for _ in 0..ATTEMPTS_MAX {
            self.release(state)?;
            match self.fill(state, part, &numbers, reader) {
                // Once more without what waits to be read again.
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if !is_alone => {
                    is_alone = true;
                    self.release_idle()?;
                }
                Ok(Flow::Again) if self.careful => drop(self.has_grown(state, part)?),
                Ok(Flow::Done) if self.careful && self.has_grown(state, part)? => {}
                Ok(Flow::Done) => return self.finish(state, part, &numbers).map(|()| Flow::Done),
                ended => return ended,
            }
            self.status.clear(&self.stream)?;
        }
        Err(Error::internal("a table was filled too often for want of space"))
    }

    fn fill(&mut self, state: State, part: Part, numbers: &[usize], reader: &mut dyn Reader) -> Result<Flow> {
        if numbers.len() > 1 {
            // Rows of all of them are written out before there is memory taken for what they fill.
            let read = numbers.iter().flat_map(|number| states_read(&self.plan, *number));
            for rows in read.filter(|read| matches!(read, State::Rows(_))).collect::<Vec<_>>() {
                match self.hold(rows, Part::WHOLE, reader) {
                    Ok(Flow::Done) => {}
                    // What is there of them is not all.
                    ended => return self.release(rows).and(ended),
                }
            }
        }
        for number in numbers {
            // Before memory is asked for: what comes once is refused here.
            self.rewind(*number)?;
            self.refuse_past_share(state, part)?;
            let parts = &mut self.reports[*number].parts;
            *parts = part.count().max(*parts);
            self.states.begin_filling(state, part);
            let flow = self.read(*number, &states_read(&self.plan, *number), reader);
            self.states.end_use();
            match flow? {
                Flow::Done => {}
                ended => return Ok(ended),
            }
        }
        Ok(Flow::Done)
    }

    /// All rows of a state are in.
    fn finish(&mut self, state: State, part: Part, numbers: &[usize]) -> Result<()> {
        if let (State::Build(build), [.., last]) = (state, numbers)
            && let Some(build) = &self.states.builds[build]
        {
            let before = self.stream.time_mark()?;
            build.finish(self.handle, &self.stream)?;
            self.mark(*last, before)?;
        }
        if !self.plan.parts {
            return Ok(());
        }
        // What another part will not read again goes now.
        for read in numbers.iter().flat_map(|number| states_read(&self.plan, *number)).collect::<Vec<_>>() {
            let again = !part.is_whole() && self.states.part(read) == Some(Part::WHOLE);
            if !again && !self.states.is_in_use(read) {
                self.release(read)?;
            }
        }
        Ok(())
    }

    /// Parts of several dimensions multiply. Past some number of passes the device is the wrong place for a query.
    fn count_pass(&mut self, number: usize) -> Result<()> {
        self.reports[number].passes += 1;
        // Of rows written out a pass reads its own.
        let reads_all = |(_, stage): &(&StageReport, &Stage)| !matches!(stage.source, StageSource::Rows(_));
        let stages = self.reports.iter().zip(&self.plan.stages).filter(reads_all);
        let passes: u64 = stages.map(|(report, _)| report.passes).sum();
        if passes > PASSES_MAX && self.rows_emitted == 0 {
            return Err(Error::Refused(format!(
                "the device has room for so little of the query's groups and joins at once that its tables would be read more \
                 than {PASSES_MAX} times; raise `maar.device_memory`"
            )));
        }
        Ok(())
    }

    /// Runs a stage over all waves of its source, with the states as they are.
    fn pass(&mut self, number: usize, reader: &mut dyn Reader) -> Result<Flow> {
        let is_last = self.plan.stages[number].emits();
        if is_last {
            // No row leaves before everything that it was made of is as expected.
            self.settle_tables()?;
        }
        self.rewind(number)?;
        self.count_pass(number)?;
        // What is read only once must not be read in vain, and neither what is uploaded or decoded for it.
        if self.comes_in_waves(number) && !self.is_settled()? {
            return Ok(Flow::Again);
        }
        let filled = self.states.being_filled();
        if let Some((state, part)) = filled.filter(|(state, _)| self.states.part(*state).is_none()) {
            // Not before all is there that it reads: while that is filled, the memory is needed.
            self.allocate(state, part)?;
        }
        // Asked after each pass: the next one may begin by filling something else.
        let is_asked = self.careful && filled.is_some_and(|(state, part)| self.is_guess(state, part));
        let stage = self.plan.stages[number].clone();
        if is_last {
            return self.emit_all(number, &stage, reader);
        }
        if let Some(rows) = stage.rows {
            // What is written is read as it is.
            if !self.is_settled()? {
                return Ok(Flow::Again);
            }
            let flow = self.write_out(number, &stage, rows, reader)?;
            self.reports[number].written = self.states.rows[rows].as_ref().map(RowsState::written).unwrap_or_default();
            return Ok(flow);
        }
        while self.advance(number, &stage)? {
            reader.hears(&self.reports);
            if !reader.wants() {
                return Ok(Flow::Stop);
            }
            if !self.launch_all(number, &stage, reader)? {
                return Ok(Flow::Stop);
            }
            // A wave is gone when the next one comes, and a table that is full now only gets fuller.
            if self.comes_in_waves(number) && self.verdict()? == Verdict::Grow {
                return Ok(Flow::Again);
            }
        }
        if is_asked && self.verdict()? == Verdict::Grow {
            return Ok(Flow::Again);
        }
        Ok(Flow::Done)
    }
}
