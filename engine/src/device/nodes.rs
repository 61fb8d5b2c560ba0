//! The operators of a plan that runs or has run, as a tree with what each did: for who draws a query. Not here: why an operator is
//! where it is (`report`, whose list this lays over the tree).

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use maar_gpu_exec::exec::DeviceExec;
use maar_gpu_exec::planner::{OperatorPlacement, Placement, label};
use maar_gpu_exec::report::DeviceReport;

/// One operator, or a subtree that the device runs as one.
#[derive(Debug, Clone)]
pub struct PlanNode {
    /// How many operators it is below the topmost one.
    pub depth: usize,
    /// What it does, in a line.
    pub operator: String,
    /// The host operators that it stands for, where it is the device's.
    pub stands_for: Vec<String>,
    /// Where it runs; `None` for a check that the host got besides.
    pub place: Option<Placement>,
    /// Rows that it gave so far; `None` where it does not count them.
    pub rows: Option<u64>,
    /// Bytes that it read of files, or, on the device, that its pipelines read.
    pub bytes: u64,
    /// Bytes that it wrote to disk for want of memory.
    pub spilled_bytes: u64,
    /// Time of all its threads together, in milliseconds; of the device its kernels'. `None` where it does not measure it.
    pub ms: Option<f64>,
    /// What the device did.
    pub work: Option<DeviceReport>,
}

/// The operators of `plan`, parents first. `placements`: those of the same plan, as placement judges it.
pub(crate) fn nodes(plan: &Arc<dyn ExecutionPlan>, placements: &[OperatorPlacement]) -> Vec<PlanNode> {
    let mut walk = Walk { placements, found: Vec::new() };
    walk.visit(plan, 0);
    walk.found
}

struct Walk<'a> {
    /// Those that no operator has yet.
    placements: &'a [OperatorPlacement],
    found: Vec<PlanNode>,
}

impl Walk<'_> {
    fn visit(&mut self, plan: &Arc<dyn ExecutionPlan>, depth: usize) {
        let node = match plan.downcast_ref::<DeviceExec>() {
            Some(device) => self.of_device(device, depth),
            None => self.of_host(plan, depth),
        };
        self.found.push(node);
        for child in plan.children() {
            self.visit(child, depth + 1);
        }
    }

    fn of_device(&mut self, device: &DeviceExec, depth: usize) -> PlanNode {
        let stands_for = device.lowered().operators.clone();
        let count = stands_for.len().min(self.placements.len());
        let (own, rest) = self.placements.split_at(count);
        self.placements = rest;
        let work = device.report();
        let spilled = |work: &DeviceReport| work.pipelines.iter().map(|pipeline| pipeline.written.bytes).sum();
        PlanNode {
            depth,
            operator: "DeviceExec".to_owned(),
            stands_for,
            place: own.first().map(|placed| placed.place.clone()),
            rows: work.as_ref().map(|work| work.rows_out),
            bytes: work.as_ref().map_or(0, DeviceReport::bytes),
            spilled_bytes: work.as_ref().map_or(0, spilled),
            ms: work.as_ref().map(DeviceReport::kernel_ms),
            work,
        }
    }

    fn of_host(&mut self, plan: &Arc<dyn ExecutionPlan>, depth: usize) -> PlanNode {
        let operator = label(plan);
        let metrics = plan.metrics();
        let of = |number: fn(&MetricsSet) -> Option<usize>| metrics.as_ref().and_then(number);
        let sum = |name: &str| metrics.as_ref().and_then(|set| set.sum_by_name(name)).map_or(0, |sum| sum.as_usize());
        let nanoseconds = of(MetricsSet::elapsed_compute);
        PlanNode {
            depth,
            place: self.place_of(&operator),
            operator,
            stands_for: Vec::new(),
            rows: of(MetricsSet::output_rows).map(|rows| rows as u64),
            bytes: sum("bytes_scanned") as u64,
            spilled_bytes: of(MetricsSet::spilled_bytes).unwrap_or(0) as u64,
            ms: nanoseconds.map(|time| time as f64 / 1e6),
            work: None,
        }
    }

    /// Placement judges a plan without the checks that the host got after it: what it does not speak of is one.
    fn place_of(&mut self, operator: &str) -> Option<Placement> {
        let (next, rest) = self.placements.split_first()?;
        let is_same = name(&next.operator) == name(operator);
        is_same.then(|| {
            self.placements = rest;
            next.place.clone()
        })
    }
}

/// What kind of operator a line is about.
fn name(operator: &str) -> &str {
    operator.split([':', ' ']).next().unwrap_or_default()
}
