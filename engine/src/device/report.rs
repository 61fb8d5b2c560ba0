//! What ran where: the places of a plan's operators, and what the device counted while it ran.

use std::sync::Arc;

use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use maar_gpu_exec::exec;
use maar_gpu_exec::planner::{placements, require_device_error};
use maar_gpu_exec::report::{DeviceReport, PipelineReport};
use maar_gpu_exec::scan::LoadStats;

use super::OperatorPlacement;
use super::devices::{options, session_devices};
use crate::{corrections, exact};

/// The report of one query. Times are in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct QueryReport {
    /// The device's name; `cpu` when nothing ran on a device.
    pub device: String,
    /// Every operator and its place, parents first.
    pub operators: Vec<OperatorPlacement>,
    /// What each device pipeline did.
    pub pipelines: Vec<PipelineReport>,
    /// What each scan loaded onto the device, or found there.
    pub loads: Vec<LoadStats>,
    /// Until tables were on the device.
    pub load_ms: f64,
    /// Choosing algorithms.
    pub strategy_ms: f64,
    /// Writing and compiling device code, or finding it compiled, once tables were loaded.
    pub compile_ms: f64,
    /// Kernels compiled while tables were loading, by what footers claim: those that were used, and those for claims that
    /// the values do not bear out.
    pub kernels_ahead: u64,
    pub kernels_missed: u64,
    /// From tables loaded to the last batch, strategy and compiling included.
    pub run_ms: f64,
}

impl QueryReport {
    /// Time in kernels.
    pub fn kernel_ms(&self) -> f64 {
        self.sum(|pipeline| pipeline.kernel_ms)
    }

    /// The least time that the bytes read could take: the floor to measure [`Self::kernel_ms`] against.
    pub fn floor_ms(&self) -> f64 {
        self.sum(PipelineReport::floor_ms)
    }

    /// Bytes that the pipelines read at least.
    pub fn bytes(&self) -> u64 {
        self.pipelines.iter().map(|pipeline| pipeline.bytes).sum()
    }

    fn sum(&self, of: impl Fn(&PipelineReport) -> f64) -> f64 {
        // Not `sum`, which is -0 for nothing.
        self.pipelines.iter().map(of).fold(0.0, |sum, each| sum + each)
    }

    /// The report of `plan` as far as it ran.
    pub(crate) fn of(state: &SessionState, plan: &Arc<dyn ExecutionPlan>) -> Self {
        let mut report = Self { device: "cpu".to_string(), operators: places(state, plan), ..Self::default() };
        for execution in exec::reports(plan) {
            report.add(execution);
        }
        report
    }

    fn add(&mut self, execution: DeviceReport) {
        self.device = execution.device;
        self.pipelines.extend(execution.pipelines);
        self.loads.extend(execution.loads);
        self.load_ms += execution.load_ms;
        self.strategy_ms += execution.strategy_ms;
        self.compile_ms += execution.compile_ms;
        self.kernels_ahead += execution.kernels_ahead;
        self.kernels_missed += execution.kernels_missed;
        self.run_ms += execution.run_ms;
    }
}

/// Where every operator of a finished plan runs, parents first.
pub(crate) fn places(state: &SessionState, plan: &Arc<dyn ExecutionPlan>) -> Vec<OperatorPlacement> {
    let options = options(state.config_options());
    let device = session_devices(state.config()).and_then(|devices| devices.nodes(&options));
    // Placement judges operators as they were when it saw them: without the checks that the host got after.
    let judged = corrections::as_placed(Arc::clone(plan))
        .and_then(exact::without_host_checks)
        .unwrap_or_else(|_| Arc::clone(plan));
    placements(&judged, device.as_ref().map(|(nodes, _)| nodes.as_ref()), &options)
}

/// Whether `maar.require_device` is set.
pub(crate) fn is_required(state: &SessionState) -> bool {
    options(state.config_options()).require_device
}

/// Why `plan` may not run under `maar.require_device`; `None` if it may, or the option is off.
pub(crate) fn refusal(state: &SessionState, plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    if !is_required(state) {
        return None;
    }
    require_device_error(&places(state, plan))
}
