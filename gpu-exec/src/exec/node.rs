//! `DeviceExec`: a placed subtree as one node of the host's plan.
//!
//! Its children are only the host inputs it uploads. It states one partition of bounded rows, in the order of its sort if it
//! has one, else in none. It is never serialised: every worker places plans for its own device.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions, SchedulingType};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties,
};
use parking_lot::Mutex;

use super::account::Account;
use super::task::Task;
use super::way_back::{Ran, WayBack};
use super::{DeviceRuntime, display};
use crate::ir::FirstRows;
use crate::operators::KnownKernels;
use crate::planner::Lowered;
use crate::report::DeviceReport;
use crate::scan::ParquetScan;
use crate::trace::Trace;

/// A subtree that runs on the device.
#[derive(Debug)]
pub struct DeviceExec {
    runtime: Arc<DeviceRuntime>,
    lowered: Arc<Lowered>,
    scans: Vec<Arc<ParquetScan>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    way_back: Option<WayBack>,
    /// How few of its rows are wanted.
    first: Option<FirstRows>,
    /// Of earlier runs.
    kernels: Arc<KnownKernels>,
    ran: Arc<Mutex<Ran>>,
}

impl DeviceExec {
    pub(super) fn new(
        runtime: Arc<DeviceRuntime>,
        lowered: Lowered,
        scans: Vec<Arc<ParquetScan>>,
        way_back: Option<WayBack>,
    ) -> Self {
        let properties = PlanProperties::new(
            lowered.equivalences(),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        )
        // Its stream waits on a channel, which yields by itself.
        .with_scheduling_type(SchedulingType::Cooperative);
        Self {
            runtime,
            lowered: Arc::new(lowered),
            scans,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
            way_back,
            first: None,
            kernels: Arc::default(),
            ran: Arc::default(),
        }
    }

    /// The same node, of whose rows no more are wanted than these.
    pub(super) fn with_first_rows(&self, first: FirstRows) -> Self {
        Self { first: Some(first), ..self.afresh(self.way_back.clone()) }
    }

    /// The same node as if it had never run.
    fn afresh(&self, way_back: Option<WayBack>) -> Self {
        Self {
            runtime: Arc::clone(&self.runtime),
            lowered: Arc::clone(&self.lowered),
            scans: self.scans.clone(),
            properties: Arc::clone(&self.properties),
            metrics: ExecutionPlanMetricsSet::new(),
            way_back,
            first: self.first.clone(),
            kernels: Arc::clone(&self.kernels),
            ran: Arc::default(),
        }
    }

    /// What the node means.
    pub fn lowered(&self) -> &Lowered {
        &self.lowered
    }

    /// What the last execution did so far; `None` where there was none, and where it went back to the host.
    pub fn report(&self) -> Option<DeviceReport> {
        match &*self.ran.lock() {
            Ran::OnDevice(account) => Some(account.report()),
            Ran::NotYet | Ran::OnHost { .. } => None,
        }
    }

    /// Why the last execution went back to the host; `None` where it did not.
    pub fn refusal(&self) -> Option<String> {
        match &*self.ran.lock() {
            Ran::OnHost { reason, .. } => Some(reason.clone()),
            Ran::NotYet | Ran::OnDevice(_) => None,
        }
    }
}

impl DisplayAs for DeviceExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = self.runtime.handle().info();
        display::write(f, format, device, (&self.lowered, self.first.as_ref()), &self.scans, &self.ran.lock())
    }
}

impl ExecutionPlan for DeviceExec {
    fn name(&self) -> &str {
        "DeviceExec"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.lowered.schema)
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.lowered.inputs.iter().collect()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition; self.lowered.inputs.len()])
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.lowered.inputs.len()]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        // Its expressions are the device's own; the host has nothing to visit.
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let lowered = Lowered { inputs: children, ..(*self.lowered).clone() };
        let mut node = Self::new(Arc::clone(&self.runtime), lowered, self.scans.clone(), self.way_back.clone());
        node.first.clone_from(&self.first);
        node.kernels = Arc::clone(&self.kernels);
        // Who reports rebuilds plans that have run.
        node.ran = Arc::clone(&self.ran);
        Ok(Arc::new(node))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let options =
            ReplaceChildrenOptions::new(datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(self.afresh(self.way_back.as_ref().map(WayBack::afresh).transpose()?)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return Err(
                crate::error::Error::internal(format!("DeviceExec has one partition, not number {partition}")).into()
            );
        }
        let inputs = self
            .lowered
            .inputs
            .iter()
            .map(|input| input.execute(0, Arc::clone(&context)))
            .collect::<Result<Vec<_>>>()?;
        let trace = context.session_config().get_extension::<Trace>().unwrap_or_default();
        let task = Task {
            runtime: Arc::clone(&self.runtime),
            lowered: Arc::clone(&self.lowered),
            scans: self.scans.clone(),
            context,
            way_back: self.way_back.clone(),
            first: self.first.clone(),
            kernels: Arc::clone(&self.kernels),
            ran: Arc::clone(&self.ran),
            account: Account::new(self.runtime.handle().info()),
            trace,
        };
        Ok(task.start(inputs, &self.metrics))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// The reports of every device node of an executed plan, parents first.
pub fn reports(plan: &Arc<dyn ExecutionPlan>) -> Vec<DeviceReport> {
    let own = plan.downcast_ref::<DeviceExec>().and_then(DeviceExec::report);
    own.into_iter().chain(plan.children().into_iter().flat_map(reports)).collect()
}
