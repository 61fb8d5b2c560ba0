//! A run: all stages of a plan on one stream, wave by wave. Not here: the last stage, which emits rows (`emission.rs`).

use std::collections::VecDeque;

use arrow::record_batch::RecordBatch;

use super::arguments::StageMemory;
use super::build::Build;
use super::emit::Emitted;
use super::feed::{Feed, Reading};
use super::groups::Groups;
use super::kernels::StageKernel;
use super::launch::launch_tiles;
use super::source::{SegmentTable, bytes_read};
use super::status::{Status, Verdict};
use crate::codegen::ARGUMENTS_MAX;
use crate::column::TILE_ROWS;
use crate::device::{DeviceBuffer, DeviceHandle, Stream, TimeMark};
use crate::error::{Error, Result};
use crate::strategy::{QueryPlan, Stage, StageSource};

/// How often a run is repeated with larger tables before that counts as a bug.
pub(super) const ATTEMPTS_MAX: usize = 24;

/// What one stage did.
#[derive(Clone, Debug, Default)]
pub struct StageReport {
    /// Rows of its source, and the bytes of them that it reads at least.
    pub rows_in: u64,
    pub bytes: u64,
    /// Milliseconds on the device, from its first launch to its last.
    pub kernel_ms: f64,
    pub launches: u64,
}

/// One execution of a plan.
pub struct Run<'a> {
    pub(super) handle: &'a DeviceHandle,
    pub(super) plan: QueryPlan,
    kernels: &'a [StageKernel],
    scans: Vec<Reading>,
    inputs: Vec<Reading>,
    lookups: Vec<Vec<(DeviceBuffer, DeviceBuffer)>>,
    builds: Vec<Option<Build>>,
    groups: Vec<Option<Groups>>,
    pub(super) status: Status,
    reports: Vec<StageReport>,
    /// Times of stages, read once the stream has been waited for.
    marks: Vec<(usize, TimeMark, TimeMark)>,
    /// Tiles of the last stage's wave: the next one, and how many there are.
    pub(super) next_tile: u64,
    pub(super) wave_tiles: u64,
    /// Whether the last stage was launched at all.
    pub(super) emits: bool,
    pub(super) rows_emitted: u64,
    /// Batches of the last wave that nobody has taken yet.
    pub(super) ready: VecDeque<RecordBatch>,
    /// Arguments of launches that take their address.
    argument_arrays: Vec<DeviceBuffer>,
    pub(super) stream: Stream,
}

impl<'a> Run<'a> {
    /// Uploads what the plan needs besides its tables.
    pub fn new(
        handle: &'a DeviceHandle,
        plan: &QueryPlan,
        kernels: &'a [StageKernel],
        scans: Vec<Feed>,
        inputs: Vec<Feed>,
    ) -> Result<Self> {
        let stream = handle.stream()?;
        let readings = |feeds: Vec<Feed>| feeds.into_iter().map(Reading::new).collect();
        let lookups =
            plan.stages.iter().map(|stage| upload_lookups(handle, &stream, stage)).collect::<Result<Vec<_>>>()?;
        let status = Status::new(handle, &stream)?;
        let reports = vec![StageReport::default(); plan.stages.len()];
        Ok(Self {
            handle,
            plan: plan.clone(),
            kernels,
            scans: readings(scans),
            inputs: readings(inputs),
            lookups,
            builds: vec![],
            groups: vec![],
            status,
            reports,
            marks: vec![],
            next_tile: 0,
            wave_tiles: 0,
            emits: false,
            rows_emitted: 0,
            ready: VecDeque::new(),
            argument_arrays: vec![],
            stream,
        })
    }

    /// Runs every stage but the emitting one, with tables large enough. `wanted` is asked before each wave: a feed may have no
    /// end.
    pub fn start(&mut self, wanted: impl Fn() -> bool) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            self.status.clear(&self.stream)?;
            if self.run_breakers(&wanted)? && self.is_settled()? {
                return Ok(());
            }
        }
        Err(Error::internal("a run was repeated too often for want of table space"))
    }

    /// Whether all tables so far were large enough. Those that were not have room now, and the run is to be repeated. Only
    /// tables whose size was a guess make this wait.
    fn is_settled(&mut self) -> Result<bool> {
        if !self.can_grow() {
            return Ok(true);
        }
        match self.status.read(&self.stream)? {
            Verdict::Fine => Ok(!self.grow_builds()?),
            Verdict::Grow => {
                self.grow_tables();
                Ok(false)
            }
        }
    }

    /// Whether tables were large enough, as far as that was asked.
    fn run_breakers(&mut self, wanted: &dyn Fn() -> bool) -> Result<bool> {
        self.builds = self.plan.builds.iter().map(|_| None).collect();
        self.groups = self.plan.groups.iter().map(|_| None).collect();
        for number in 0..self.plan.stages.len().saturating_sub(1) {
            let stage = self.plan.stages[number].clone();
            // Before memory is asked for: what comes once is refused here.
            self.rewind(number, &stage)?;
            if self.reading(&stage).is_some_and(Reading::comes_once) && !self.is_settled()? {
                return Ok(false);
            }
            if let Some(build) = stage.build {
                self.builds[build.0] = Some(Build::new(self.handle, &self.stream, &self.plan.builds[build.0])?);
            }
            if let Some(groups) = stage.groups {
                self.groups[groups] = Some(Groups::new(self.handle, &self.stream, &self.plan.groups[groups])?);
            }
            if !self.run_breaker(number, &stage, wanted)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs a stage over all waves of its source, from where it is. `false` where a table of it turned out too small.
    fn run_breaker(&mut self, number: usize, stage: &Stage, wanted: &dyn Fn() -> bool) -> Result<bool> {
        while self.advance(number, stage)? {
            if !wanted() {
                return Err(Error::internal("a run goes on that nobody reads"));
            }
            let before = self.stream.time_mark()?;
            self.launch(number, stage, (0, self.tiles(stage)), None)?;
            self.mark(number, before)?;
            // A wave is gone when the next one comes, and a table that is full now only gets fuller.
            if self.reading(stage).is_some_and(Reading::comes_in_waves)
                && self.status.read(&self.stream)? == Verdict::Grow
                && self.can_grow()
            {
                self.grow_tables();
                return Ok(false);
            }
        }
        if let Some(build) = stage.build.and_then(|build| self.builds[build.0].as_ref()) {
            let before = self.stream.time_mark()?;
            build.finish(self.handle, &self.stream)?;
            self.mark(number, before)?;
        }
        Ok(true)
    }

    /// Tables whose size is a guess: hash groups that start small, builds behind joins that multiply rows.
    fn can_grow(&self) -> bool {
        self.plan.groups.iter().any(|group| group.slots < group.slots_max)
            || self.plan.builds.iter().any(|build| build.rows_estimated)
    }

    fn grow_tables(&mut self) {
        for group in &mut self.plan.groups {
            group.slots = (group.slots * 8).min(group.slots_max.max(group.slots));
        }
        for build in self.plan.builds.iter_mut().filter(|build| build.rows_estimated) {
            build.rows *= 4;
            build.slots = if build.table == crate::ir::KeyTable::Direct { build.slots } else { build.slots * 4 };
        }
    }

    /// Builds that met more rows than there was room for get that room. Returns whether any did.
    fn grow_builds(&mut self) -> Result<bool> {
        let mut grown = false;
        for (plan, build) in self.plan.builds.iter_mut().zip(&self.builds) {
            let (true, Some(build)) = (plan.rows_estimated, build) else { continue };
            let rows = build.rows_stored(&self.stream)?;
            if rows > plan.rows {
                plan.rows = rows;
                grown = true;
                if plan.table != crate::ir::KeyTable::Direct {
                    plan.slots = plan.slots.max((rows * 2).next_power_of_two());
                }
            }
        }
        Ok(grown)
    }

    pub(super) fn launch(
        &mut self,
        number: usize,
        stage: &Stage,
        tiles: (u64, u64),
        emitted: Option<&Emitted>,
    ) -> Result<()> {
        let StageKernel { kernel, compiled } = &self.kernels[number];
        let groups = stage.groups.and_then(|groups| self.groups[groups].as_ref());
        let source_groups = match stage.source {
            StageSource::Groups(groups) => self.groups[groups].as_ref(),
            _ => None,
        };
        let memory = StageMemory {
            source: self.table(stage),
            tiles,
            status: &self.status,
            lookups: &self.lookups[number],
            builds: &self.builds,
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
            StageSource::Groups(_) => None,
        }
    }

    /// The stage reads its source from the first row.
    fn rewind(&mut self, number: usize, stage: &Stage) -> Result<()> {
        let report = &mut self.reports[number];
        (report.rows_in, report.bytes) = (0, 0);
        match stage.source {
            StageSource::Scan(scan) => self.scans.get_mut(scan).map_or(Ok(()), Reading::rewind),
            StageSource::Input(input) => self.inputs.get_mut(input).map_or(Ok(()), Reading::rewind),
            StageSource::Groups(_) => Ok(()),
        }
    }

    /// Goes on to the next wave of a stage's source; `false` at the end. Groups are one wave.
    pub(super) fn advance(&mut self, number: usize, stage: &Stage) -> Result<bool> {
        let reading = match stage.source {
            StageSource::Scan(scan) => self.scans.get_mut(scan),
            StageSource::Input(input) => self.inputs.get_mut(input),
            StageSource::Groups(_) => None,
        };
        let (rows, bytes) = match reading {
            Some(reading) => {
                if !reading.advance(self.handle, &self.stream)? {
                    return Ok(false);
                }
                let wave = reading.wave().ok_or_else(|| Error::internal("a feed went on to nothing"))?;
                (wave.segments.rows, bytes_read(stage, &wave.table))
            }
            None if self.reports[number].rows_in > 0 => return Ok(false),
            None => (self.rows_in(stage), self.group_bytes(stage)),
        };
        let report = &mut self.reports[number];
        report.rows_in += rows;
        report.bytes += bytes;
        Ok(true)
    }

    fn table(&self, stage: &Stage) -> Option<&SegmentTable> {
        self.reading(stage).and_then(Reading::wave).map(|wave| &wave.segments)
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

    /// What each stage did. Waits for the device.
    pub fn reports(&mut self) -> Result<&[StageReport]> {
        self.stream.synchronize()?;
        for (number, before, after) in self.marks.drain(..) {
            self.reports[number].kernel_ms += before.elapsed_ms(&after)?;
        }
        Ok(&self.reports)
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        // Before any buffer goes back to the arena, nothing may be in flight that uses it. A fault here stays with the
        // device and is reported by its next use.
        let _ = self.stream.synchronize();
    }
}

fn upload_lookups(handle: &DeviceHandle, stream: &Stream, stage: &Stage) -> Result<Vec<(DeviceBuffer, DeviceBuffer)>> {
    let upload = |bytes: &[u8]| -> Result<DeviceBuffer> {
        // Never empty: a text without entries still has code 0 under its NULLs.
        let buffer = handle.alloc("dictionary lookup", bytes.len().max(16))?;
        stream.upload(&buffer, 0, bytes)?;
        Ok(buffer)
    };
    stage.lookups.iter().map(|lookup| Ok((upload(&lookup.values)?, upload(&lookup.valid)?))).collect()
}
