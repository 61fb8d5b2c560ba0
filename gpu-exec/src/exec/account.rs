//! What an execution has done so far: told by those who do it while they do it, read by anybody at any time.
//!
//! So it is there of an execution too that fails or that nobody reads to its end, as far as that came. It is one of its own
//! for each execution: who goes on for a moment after the stream was dropped tells it nothing of the next. Not here: what the
//! host did for the device (`way_back.rs`).

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::tables::Loads;
use super::task::milliseconds;
use crate::device::{CodeOrigin, DeviceInfo};
use crate::operators::{StageKernel, StageReport};
use crate::report::{DeviceReport, Ended, PipelineReport};

/// See the module.
#[derive(Debug)]
pub(super) struct Account {
    /// Of the device's memory.
    bandwidth: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Without what the other fields say.
    report: DeviceReport,
    loads: Loads,
    kernels: Arc<[StageKernel]>,
    stages: Vec<StageReport>,
}

impl Account {
    pub(super) fn new(device: &DeviceInfo) -> Arc<Self> {
        let report = DeviceReport { device: device.name.clone(), ended: Ended::Running, ..DeviceReport::default() };
        let state = State { report, loads: Loads::default(), kernels: Arc::new([]), stages: vec![] };
        Arc::new(Self { bandwidth: device.bandwidth, state: Mutex::new(state) })
    }

    pub(super) fn report(&self) -> DeviceReport {
        let state = self.state.lock();
        DeviceReport {
            pipelines: pipelines(&state.kernels, &state.stages, self.bandwidth),
            loads: state.loads.scans.iter().map(|stats| *stats.lock()).collect(),
            inputs: state.loads.inputs.iter().map(|stats| *stats.lock()).collect(),
            ..state.report.clone()
        }
    }

    /// Tables are being loaded, for the first try or another.
    pub(super) fn loads(&self, loads: Loads) {
        self.state.lock().loads = loads;
    }

    /// They are there, or as much of them as has to be before the first wave.
    pub(super) fn begins(&self, loads: Loads, load_ms: f64) {
        let mut state = self.state.lock();
        let State { report, .. } = &mut *state;
        *report =
            DeviceReport { device: report.device.clone(), ended: report.ended, load_ms, ..DeviceReport::default() };
        state.loads = loads;
        (state.kernels, state.stages) = (Arc::new([]), vec![]);
    }

    /// The plan is made and its kernels are there.
    pub(super) fn plans(&self, kernels: &Arc<[StageKernel]>, strategy_ms: f64, compile_ms: f64) {
        let mut state = self.state.lock();
        state.report.strategy_ms += strategy_ms;
        state.report.compile_ms += compile_ms;
        (state.kernels, state.stages) = (Arc::clone(kernels), vec![]);
    }

    /// What the stages have done.
    pub(super) fn stages(&self, stages: &[StageReport]) {
        stages.clone_into(&mut self.state.lock().stages);
    }

    pub(super) fn rows(&self, rows_out: u64) {
        self.state.lock().report.rows_out = rows_out;
    }

    /// What was made of dictionaries for the plan.
    pub(super) fn translations(&self, made: u64) {
        self.state.lock().report.translations += made;
    }

    /// How often the device was waited for.
    pub(super) fn waits(&self, waits: u64) {
        self.state.lock().report.waits += waits;
    }

    /// So long it has stood in line for memory.
    pub(super) fn waited(&self, waited_ms: f64) {
        self.state.lock().report.waited_ms = waited_ms;
    }

    /// The run is over, however it ended.
    pub(super) fn ran(&self, start: Instant) {
        self.state.lock().report.run_ms = milliseconds(start);
    }

    /// All tables are there, of those that were begun with before.
    pub(super) fn loaded(&self, load_ms: f64) {
        self.state.lock().report.load_ms = load_ms;
    }

    /// The first who knows says it: who reads no further does not know what became of the rest.
    pub(super) fn end(&self, ended: Ended) {
        let report = &mut self.state.lock().report;
        if report.ended == Ended::Running {
            report.ended = ended;
        }
    }
}

/// Of an execution whose stream may be dropped at any time: it has ended then, if nothing else has ended it.
pub(super) struct UntilDropped(pub(super) Arc<Account>);

impl Drop for UntilDropped {
    fn drop(&mut self) {
        self.0.end(Ended::StoppedEarly);
    }
}

fn pipelines(kernels: &[StageKernel], stages: &[StageReport], bandwidth: f64) -> Vec<PipelineReport> {
    let pipeline = |(kernel, report): (&StageKernel, &StageReport)| PipelineReport {
        name: kernel.compiled.entry.clone(),
        source: kernel.kernel.source.clone(),
        rows_in: report.rows_in,
        bytes: report.bytes,
        bandwidth,
        kernel_ms: report.kernel_ms,
        compile_ms: match kernel.compiled.origin {
            CodeOrigin::Compiled => kernel.compiled.compile.as_secs_f64() * 1e3,
            CodeOrigin::Memory | CodeOrigin::Disk => 0.0,
        },
        origin: kernel.compiled.origin,
        launches: report.launches,
        passes: report.passes,
        parts: report.parts,
        written: report.written,
        sorted: report.sorted,
    };
    kernels.iter().zip(stages).map(pipeline).collect()
}
