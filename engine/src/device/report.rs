//! What ran where: the places of a plan's operators, and what the device counted while it ran.

use std::sync::Arc;

use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use maar_gpu_exec::exec::{self, DeviceExec};
use maar_gpu_exec::planner::{placements, require_device_error};
use maar_gpu_exec::report::{DeviceReport, Ended};
use maar_gpu_exec::trace::{MemoryPeaks, TimelineReport, Trace};

use super::OperatorPlacement;
use super::devices::{options, session_devices};
use super::nodes::{PlanNode, nodes};
use crate::{corrections, exact};

/// The report of one query.
#[derive(Debug, Clone, Default)]
pub struct QueryReport {
    /// Every operator and its place, parents first.
    pub operators: Vec<OperatorPlacement>,
    /// The operators as a tree, parents first, with what each did so far.
    pub nodes: Vec<PlanNode>,
    /// What ran on the device; nothing where all ran on the host.
    pub work: DeviceReport,
    /// How far the query is.
    pub ended: Ended,
    /// When it was busy with what. Of what the host's operators do it knows listings and footers alone.
    pub timeline: TimelineReport,
    pub memory: MemoryPeaks,
    /// Whether the plan was kept from an earlier run of the statement.
    pub plan_from_cache: bool,
}

impl QueryReport {
    /// The device's name; `cpu` where nothing ran on one.
    pub fn device(&self) -> &str {
        if self.work.device.is_empty() { "cpu" } else { &self.work.device }
    }

    /// The report of `plan` as far as it ran.
    pub(crate) fn of(state: &SessionState, plan: &Arc<dyn ExecutionPlan>) -> Self {
        let trace = state.config().get_extension::<Trace>();
        let (timeline, memory) = trace.map(|trace| (trace.timeline(), trace.memory())).unwrap_or_default();
        let operators = places(state, plan);
        let nodes = nodes(plan, &operators);
        Self { operators, nodes, work: Self::work_of(plan), timeline, memory, ..Self::default() }
    }

    /// What a device did of `plan` so far.
    pub(crate) fn work_of(plan: &Arc<dyn ExecutionPlan>) -> DeviceReport {
        let mut work = DeviceReport::default();
        exec::reports(plan).into_iter().for_each(|execution| work.add(execution));
        work
    }
}

/// Where every operator of a finished plan runs, parents first.
fn places(state: &SessionState, plan: &Arc<dyn ExecutionPlan>) -> Vec<OperatorPlacement> {
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

/// Whether the node stands for a subtree that was placed on a device.
pub(crate) fn is_device_node(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.is::<DeviceExec>()
}

/// Whether any part of `plan` that was placed on a device ran on the host in the end.
pub(crate) fn went_back(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let own = plan.downcast_ref::<DeviceExec>().is_some_and(|node| node.refusal().is_some());
    own || plan.children().into_iter().any(went_back)
}
