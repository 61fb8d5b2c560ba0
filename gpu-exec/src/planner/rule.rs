//! The placement rule: maximal supported subtrees of a host plan become device nodes.
//!
//! It stands immediately before DataFusion's `EnsureRequirements`, where the plan is clean, and which then meets what
//! device nodes state: one partition, no order. A host operator that needs an order declares it and gets it there, so
//! placement never looks at orders; operators that merely keep their input's order are placed only on a device input.

use std::fmt;
use std::sync::Arc;

use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;

use super::DeviceNodes;
use super::lower::lower;
use super::placements::reads_nothing;
use super::policy::{Policy, policy};
use crate::options::MaarOptions;

/// The physical optimiser rule `maar_placement`.
pub struct PlacementRule {
    /// `None` where no device was opened: everything stays on the host.
    nodes: Option<Arc<dyn DeviceNodes>>,
}

impl PlacementRule {
    pub const NAME: &'static str = "maar_placement";

    pub fn new(nodes: Option<Arc<dyn DeviceNodes>>) -> Self {
        Self { nodes }
    }
}

impl fmt::Debug for PlacementRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlacementRule").field("device", &self.nodes.is_some()).finish()
    }
}

impl PhysicalOptimizerRule for PlacementRule {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let options = config.extensions.get::<MaarOptions>().cloned().unwrap_or_default();
        match (policy(&plan, &options, self.nodes.is_some()), &self.nodes) {
            (Policy::Place, Some(nodes)) => place(plan, nodes.as_ref()),
            _ => Ok(plan),
        }
    }

    fn name(&self) -> &str {
        Self::NAME
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn place(plan: Arc<dyn ExecutionPlan>, nodes: &dyn DeviceNodes) -> Result<Arc<dyn ExecutionPlan>> {
    // The parts of a recursive query run many times over and share a work table; constants need no device.
    if plan.is::<RecursiveQueryExec>() || reads_nothing(&plan) {
        return Ok(plan);
    }
    match lower(&plan, nodes) {
        Ok(mut lowered) if lowered.computes() => {
            lowered.inputs = lowered.inputs.into_iter().map(|input| place(input, nodes)).collect::<Result<_>>()?;
            nodes.make(lowered, plan)
        }
        _ => {
            let children =
                plan.children().into_iter().map(|child| place(Arc::clone(child), nodes)).collect::<Result<_>>()?;
            replace_children_if_necessary(plan, children)
        }
    }
}
