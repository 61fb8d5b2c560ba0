//! The placement rule: maximal supported subtrees of a host plan become device nodes.
//!
//! It stands immediately before DataFusion's `EnsureRequirements`, where the plan is clean, and which then meets what
//! device nodes state: one partition, and the order of their sort, if one is placed. A host operator that needs an order
//! declares it and gets it there, so placement never looks at orders but those that a query asks for; operators that merely
//! keep their input's order are placed only on a device input.

use std::fmt;
use std::sync::Arc;

use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_expr::{Distribution, LexOrdering};
use datafusion::physical_expr_common::sort_expr::OrderingRequirements;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::output_requirements::OutputRequirementExec;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;

use super::DeviceNodes;
use super::lower::{Lowered, lower};
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
            (Policy::Place, Some(nodes)) => place(plan, nodes.as_ref(), true),
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

/// `is_root`: whether nothing stands above.
fn place(plan: Arc<dyn ExecutionPlan>, nodes: &dyn DeviceNodes, is_root: bool) -> Result<Arc<dyn ExecutionPlan>> {
    // The parts of a recursive query run many times over and share a work table; constants need no device.
    if plan.is::<RecursiveQueryExec>() || reads_nothing(&plan) {
        return Ok(plan);
    }
    match lower(&plan, nodes) {
        Ok(mut lowered) if lowered.computes() && (is_root || keeps_note(&lowered)) => {
            lowered.inputs =
                lowered.inputs.into_iter().map(|input| place(input, nodes, false)).collect::<Result<_>>()?;
            let required = lowered.ordering.clone().into_iter().filter(|_| lowered.is_order_required);
            let required = LexOrdering::new(required).map(OrderingRequirements::from);
            let node = nodes.make(lowered, plan)?;
            Ok(match required {
                // The host must know of the order whatever it puts above.
                Some(_) => Arc::new(OutputRequirementExec::new(node, required, Distribution::SinglePartition, None)),
                None => node,
            })
        }
        _ => {
            let children = plan
                .children()
                .into_iter()
                .map(|child| place(Arc::clone(child), nodes, false))
                .collect::<Result<_>>()?;
            replace_children_if_necessary(plan, children)
        }
    }
}

/// Whether the order that a query asks for, if it is that of this subtree, can be said of its output.
fn keeps_note(lowered: &Lowered) -> bool {
    !lowered.is_order_required || !lowered.ordering.is_empty()
}
