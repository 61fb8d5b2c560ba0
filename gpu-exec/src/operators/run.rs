//! A run: what one execution of a plan has on the device, and the launches of its stages over the waves of their sources.
//! Not here: in which order stages run (`passes.rs`), the tables they fill (`states.rs`), the rows of the last (`emission.rs`).

use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::arguments::StageMemory;
use super::emit::Emitted;
use super::feed::{Again, Feed, Reading, Wave};
use super::forecast::{Forecast, Seen};
use super::held::Held;
use super::kernels::StageKernel;
use super::launch::launch_tiles;
use super::learned::Learned;
use super::merge::SortedRuns;
use super::part::Part;
use super::source::bytes_read;
use super::spill::{RowSpace, RowsState};
use super::stage_report::StageReport;
use super::states::States;
use super::status::{Status, Verdict};
use crate::codegen::ARGUMENTS_MAX;
use crate::column::{OnDevice, OnHost, SegmentTable, TILE_ROWS, Translations};
use crate::device::{DeviceBuffer, DeviceHandle, Stream, TimeMark};
use crate::error::{Error, Result};
use crate::strategy::{LookupTable, QueryPlan, Stage, StageSource};
use crate::trace::Trace;

/// How often a table or a run is repeated with more room before that counts as a bug.
pub(super) const ATTEMPTS_MAX: usize = 24;

/// What earlier runs left.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    pub learned: &'a Learned,
    pub translations: &'a Translations,
}

/// One execution of a plan.
pub struct Run<'a> {
    pub(super) handle: &'a DeviceHandle,
    pub(super) plan: QueryPlan,
    /// Of the host's batches.
    pub(super) schema: SchemaRef,
    kernels: &'a [StageKernel],
    scans: Vec<Reading>,
    inputs: Vec<Reading>,
    lookups: Vec<Vec<OnDevice>>,
    translations: &'a Translations,
    pub(super) states: States,
    /// Where rows wait that stages write out.
    pub(super) space: Arc<dyn RowSpace>,
    /// Whether each table is asked once it is filled how that went, and not all of them at the end.
    pub(super) careful: bool,
    pub(super) status: Status,
    pub(super) reports: Vec<StageReport>,
    /// Times of stages, read once the stream has been waited for.
    marks: Vec<(usize, TimeMark, TimeMark)>,
    /// The same of sorts.
    pub(super) sort_marks: Vec<(usize, TimeMark, TimeMark)>,
    /// Whether the last stage was launched at all, and what is known of the rows that it puts out.
    pub(super) emits: bool,
    pub(super) forecast: Forecast,
    /// Rows that are counted against `skip` and `fetch`, held back, or have left; of sorted rows none before the last was put out.
    pub(super) rows_emitted: u64,
    pub(super) held: Held,
    /// Where sorted rows wait for the last.
    pub(super) sorted: SortedRuns,
    /// Arguments of launches that take their address.
    argument_arrays: Vec<DeviceBuffer>,
    pub(super) stream: Stream,
}

impl<'a> Run<'a> {
    /// Uploads what the plan needs besides its tables.
    pub fn new(
        (handle, trace): (&'a DeviceHandle, &Arc<Trace>),
        plan: &QueryPlan,
        kernels: &'a [StageKernel],
        (scans, inputs): (Vec<Feed>, Vec<Feed>),
        (schema, space): (&SchemaRef, Arc<dyn RowSpace>),
        Before { learned, translations }: Before<'a>,
    ) -> Result<Self> {
        let plan = learned.sized(plan);
        let stream = handle.stream()?.traced(trace);
        let readings = |feeds: Vec<Feed>| feeds.into_iter().map(Reading::new).collect();
        let lookups = plan
            .stages
            .iter()
            .map(|stage| lookups((handle, &stream), translations, stage))
            .collect::<Result<Vec<_>>>()?;
        let status = Status::new(handle, &stream, plan.builds.len())?;
        let reports = vec![StageReport::default(); plan.stages.len()];
        Ok(Self {
            handle,
            states: States::new(handle, &plan),
            // Once rows have left, no table can turn out to have been too small.
            careful: plan.parts || plan.emits_several_times(),
            schema: Arc::clone(schema),
            kernels,
            scans: readings(scans),
            inputs: readings(inputs),
            lookups,
            translations,
            sorted: SortedRuns::new(&plan, &space),
            space,
            status,
            reports,
            marks: vec![],
            sort_marks: vec![],
            emits: false,
            forecast: Forecast { last: learned.emission(), seen: Seen::default() },
            rows_emitted: 0,
            held: Held::new(&plan),
            argument_arrays: vec![],
            stream,
            plan,
        })
    }

    /// How often the device was waited for.
    pub fn waits(&self) -> u64 {
        self.stream.waits()
    }

    /// Asks the device how it went so far: waits for it.
    pub(super) fn verdict(&self) -> Result<Verdict> {
        self.status.read(&self.stream)?.verdict()
    }

    /// What the next run of the plan need not find out, once this one is done.
    pub fn learned(&self) -> Learned {
        Learned::of(&self.plan, self.forecast.seen)
    }

    pub(super) fn launch(
        &mut self,
        number: usize,
        stage: &Stage,
        tiles: (u64, u64),
        emitted: Option<&Emitted>,
    ) -> Result<()> {
        let StageKernel { kernel, compiled } = &self.kernels[number];
        let groups = stage.groups.and_then(|groups| self.states.groups[groups].as_ref());
        let source_groups = match stage.source {
            StageSource::Groups(groups) => self.states.groups[groups].as_ref(),
            _ => None,
        };
        let memory = StageMemory {
            source: self.table(stage),
            tiles,
            status: &self.status,
            lookups: &self.lookups[number],
            builds: &self.states.builds,
            groups,
            source_groups,
            emitted,
        };
        let words = memory.words(&kernel.arguments)?;
        let words = if words.len() > ARGUMENTS_MAX { vec![self.upload_arguments(&words)?] } else { words };
        let group_slots = stage.groups.map_or(0, |groups| self.plan.groups[groups].slots);
        let shared = u64::from(kernel.shared_bytes) + u64::from(kernel.shared_bytes_per_group) * group_slots;
        let shared = u32::try_from(shared).map_err(|_| Error::internal("shared memory past 32 bits"))?;
        launch_tiles(self.handle, &self.stream, compiled, tiles.1 - tiles.0, shared, &words)?;
        self.reports[number].launches += 1;
        Ok(())
    }

    /// The address of arguments that are too many for a launch.
    fn upload_arguments(&mut self, words: &[u64]) -> Result<u64> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let buffer = self.handle.alloc("kernel arguments", bytes.len())?;
        self.stream.upload(&buffer, 0, &bytes)?;
        let address = buffer.ptr().0;
        self.argument_arrays.push(buffer);
        Ok(address)
    }

    fn reading(&self, stage: &Stage) -> Option<&Reading> {
        match stage.source {
            StageSource::Scan(scan) => self.scans.get(scan),
            StageSource::Input(input) => self.inputs.get(input),
            StageSource::Groups(_) | StageSource::Rows(_) => None,
        }
    }

    /// What is on the device of a stage's source, where that is no table of keys.
    fn wave(&self, stage: &Stage) -> Option<&Wave> {
        match stage.source {
            StageSource::Rows(rows) => self.states.rows[rows].as_ref().and_then(RowsState::wave),
            _ => self.reading(stage).and_then(Reading::wave),
        }
    }

    /// Whether what a stage has read is gone when it reads on.
    pub(super) fn comes_in_waves(&self, number: usize) -> bool {
        let stage = &self.plan.stages[number];
        matches!(stage.source, StageSource::Rows(_)) || self.reading(stage).is_some_and(Reading::comes_in_waves)
    }

    /// What it costs to read a stage's table again; nothing where its source is none.
    pub(super) fn again(&self, number: usize) -> Again {
        self.reading(&self.plan.stages[number]).map_or(Again::Free, Reading::again)
    }

    /// Waits for tables that arrive.
    pub(super) fn settle_tables(&mut self) -> Result<()> {
        self.scans.iter_mut().try_for_each(Reading::settle)
    }

    /// Whether some table cannot be read again.
    pub(super) fn has_once(&self) -> bool {
        self.scans.iter().chain(&self.inputs).any(Reading::comes_once)
    }

    /// The stage reads its source from the first row.
    pub(super) fn rewind(&mut self, number: usize) -> Result<()> {
        let report = &mut self.reports[number];
        (report.rows_in, report.bytes) = (0, 0);
        match self.plan.stages[number].source {
            StageSource::Scan(scan) => self.scans.get_mut(scan).map_or(Ok(()), Reading::rewind),
            StageSource::Input(input) => self.inputs.get_mut(input).map_or(Ok(()), Reading::rewind),
            StageSource::Groups(_) => Ok(()),
            StageSource::Rows(rows) => {
                let dimension = self.plan.rows[rows].dimension();
                let part = dimension.and_then(|dimension| self.part_of_stage(dimension)).unwrap_or(Part::WHOLE);
                if let Some(rows) = &mut self.states.rows[rows] {
                    rows.rewind(part);
                }
                Ok(())
            }
        }
    }

    /// Goes on to the next wave of a stage's source; `false` at the end. Groups are one wave.
    pub(super) fn advance(&mut self, number: usize, stage: &Stage) -> Result<bool> {
        let (handle, stream) = (self.handle, &self.stream);
        let is_there = match stage.source {
            StageSource::Scan(scan) => {
                self.scans.get_mut(scan).map_or(Ok(false), |scan| scan.advance(handle, stream))?
            }
            StageSource::Input(input) => {
                self.inputs.get_mut(input).map_or(Ok(false), |input| input.advance(handle, stream))?
            }
            StageSource::Groups(_) => self.reports[number].rows_in == 0,
            StageSource::Rows(rows) => {
                let rows = self.states.rows[rows].as_mut();
                rows.ok_or_else(|| Error::internal("rows were read before they were written"))?
                    .advance(handle, stream)?
            }
        };
        if !is_there {
            return Ok(false);
        }
        let (rows, bytes) = match self.wave(stage) {
            Some(wave) => (wave.segments.rows, bytes_read(stage, &wave.table)),
            None => (self.rows_in(stage), self.group_bytes(stage)),
        };
        let made = match stage.source {
            StageSource::Rows(number) => self.states.rows[number].as_mut().and_then(RowsState::time_made),
            _ => None,
        };
        let report = &mut self.reports[number];
        report.rows_in += rows;
        report.bytes += bytes;
        if let Some([before, after]) = made {
            (report.sorted.rows, report.sorted.runs) = (report.sorted.rows + rows, report.sorted.runs + 1);
            self.sort_marks.push((number, before, after));
        }
        Ok(true)
    }

    fn table(&self, stage: &Stage) -> Option<&SegmentTable> {
        self.wave(stage).map(|wave| &*wave.segments)
    }

    /// Rows of the wave that is on the device.
    pub(super) fn rows_in(&self, stage: &Stage) -> u64 {
        match stage.source {
            StageSource::Groups(groups) => self.plan.groups[groups].slots,
            _ => self.table(stage).map_or(0, |table| table.rows),
        }
    }

    pub(super) fn tiles(&self, stage: &Stage) -> u64 {
        match stage.source {
            StageSource::Groups(groups) => self.plan.groups[groups].slots.div_ceil(TILE_ROWS as u64),
            _ => self.table(stage).map_or(0, |table| table.tiles),
        }
    }

    /// Bytes of the groups that a stage reads.
    fn group_bytes(&self, stage: &Stage) -> u64 {
        let StageSource::Groups(groups) = stage.source else { return 0 };
        let group = &self.plan.groups[groups];
        let words: usize = group.table.accumulators.iter().map(|kind| kind.words()).sum();
        group.slots * 8 * (words + group.words) as u64
    }

    /// Notes the time of launches since `before`.
    pub(super) fn mark(&mut self, number: usize, before: TimeMark) -> Result<()> {
        let after = self.stream.time_mark()?;
        self.marks.push((number, before, after));
        Ok(())
    }

    /// The tables again, for another run over them.
    pub fn feeds(&mut self) -> Result<(Vec<Feed>, Vec<Feed>)> {
        self.stream.synchronize()?;
        let feeds =
            |readings: &mut Vec<Reading>| std::mem::take(readings).into_iter().map(Reading::into_feed).collect();
        Ok((feeds(&mut self.scans), feeds(&mut self.inputs)))
    }

    /// Gives back all that rows are made of, once the last are on the host: however long it takes until somebody takes them.
    pub(super) fn let_go(&mut self) -> Result<()> {
        self.stream.synchronize()?;
        self.scans.clear();
        self.inputs.clear();
        self.lookups.clear();
        self.argument_arrays.clear();
        self.release_all()
    }

    /// What each stage did so far; of what the device has not been waited for, without its time.
    pub fn reports(&self) -> &[StageReport] {
        &self.reports
    }

    /// Waits for the device, asks it how long it took, and leaves what was uploaded to other runs.
    pub fn time_stages(&mut self) -> Result<()> {
        self.stream.synchronize()?;
        self.scans.iter().chain(&self.inputs).for_each(Reading::leave);
        let lookups = self.plan.stages.iter().flat_map(|stage| &stage.lookups).zip(self.lookups.iter().flatten());
        lookups.for_each(|(lookup, table)| self.translations.keep(on_host(lookup), table));
        for (number, before, after) in self.marks.drain(..) {
            self.reports[number].kernel_ms += before.elapsed_ms(&after)?;
        }
        for (number, before, after) in self.sort_marks.drain(..) {
            self.reports[number].sorted.kernel_ms += before.elapsed_ms(&after)?;
        }
        Ok(())
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        // Before any buffer goes back to the arena, nothing may be in flight that uses it. A fault here stays with the
        // device and is reported by its next use.
        let _ = self.stream.synchronize();
    }
}

/// The lookup tables of a stage on the device, as an earlier run left them or on their way.
fn lookups(
    (handle, stream): (&DeviceHandle, &Stream),
    translations: &Translations,
    stage: &Stage,
) -> Result<Vec<OnDevice>> {
    let upload = |bytes: &[u8]| -> Result<DeviceBuffer> {
        // Never empty: a text without entries still has code 0 under its NULLs.
        let buffer = handle.alloc("dictionary lookup", bytes.len().max(16))?;
        stream.upload(&buffer, 0, bytes)?;
        Ok(buffer)
    };
    let on_device = |lookup: &LookupTable| match translations.get(on_host(lookup)) {
        Some(known) => Ok(known),
        None => Ok(Arc::new((upload(&lookup.values)?, upload(&lookup.valid)?))),
    };
    stage.lookups.iter().map(on_device).collect()
}

fn on_host(lookup: &LookupTable) -> OnHost<'_> {
    OnHost { values: &lookup.values, valid: &lookup.valid }
}
