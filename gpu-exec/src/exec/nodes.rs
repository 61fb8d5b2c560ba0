//! Making device nodes for placement.

use std::fmt;
use std::sync::Arc;

use datafusion::error::Result;
use datafusion::physical_expr::{Distribution, LexOrdering};
use datafusion::physical_expr_common::sort_expr::OrderingRequirements;
use datafusion::physical_optimizer::output_requirements::OutputRequirementExec;
use datafusion::physical_plan::ExecutionPlan;

use super::way_back::WayBack;
use super::{DeviceExec, DeviceRuntime, HostRules};
use crate::error::Error;
use crate::planner::{DeviceNodes, Lowered, RawTexts, ScannedRows};
use crate::scan::recognise;

/// Makes [`DeviceExec`] nodes for one runtime.
#[derive(Clone)]
pub struct DeviceFactory {
    runtime: Arc<DeviceRuntime>,
    host_rules: Option<HostRules>,
}

impl DeviceFactory {
    pub fn new(runtime: Arc<DeviceRuntime>) -> Self {
        Self { runtime, host_rules: None }
    }

    /// Nodes that run on the host what the device refuses. `rules`: those of the host that come after placement.
    #[must_use]
    pub fn with_way_back(self, rules: HostRules) -> Self {
        Self { host_rules: Some(rules), ..self }
    }
}

impl fmt::Debug for DeviceFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way_back = self.host_rules.is_some();
        f.debug_struct("DeviceFactory").field("runtime", &self.runtime).field("way_back", &way_back).finish()
    }
}

/// What the host runs instead keeps the order that the node states: whoever stands above relies on it. The note goes with
/// the host's rules.
fn in_its_order(original: Arc<dyn ExecutionPlan>, lowered: &Lowered) -> Arc<dyn ExecutionPlan> {
    match LexOrdering::new(lowered.ordering.iter().cloned()) {
        Some(order) => {
            let required = Some(OrderingRequirements::from(order));
            Arc::new(OutputRequirementExec::new(original, required, Distribution::SinglePartition, None))
        }
        None => original,
    }
}

impl DeviceNodes for DeviceFactory {
    fn check_scan(&self, scan: &Arc<dyn ExecutionPlan>) -> std::result::Result<ScannedRows, String> {
        let scan = recognise(scan)?;
        Ok(if scan.left.is_some() { ScannedRows::Marked } else { ScannedRows::All })
    }

    fn make(&self, lowered: Lowered, original: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let scans = lowered.scans.iter().map(recognise).collect::<std::result::Result<Vec<_>, _>>();
        let mut scans = scans.map_err(|reason| Error::internal(format!("a placed scan was refused: {reason}")))?;
        let raw = RawTexts::of(&lowered.root);
        for (number, scan) in scans.iter_mut().enumerate() {
            scan.allow_raw_text(&raw.of_scan(number), &raw.of_waves(number));
        }
        let scans = scans.into_iter().map(Arc::new).collect();
        let original = in_its_order(original, &lowered);
        let way_back = self.host_rules.clone().map(|rules| WayBack { original, rules });
        Ok(Arc::new(DeviceExec::new(Arc::clone(&self.runtime), lowered, scans, way_back)))
    }

    fn lowered<'a>(&self, plan: &'a dyn ExecutionPlan) -> Option<&'a Lowered> {
        plan.downcast_ref::<DeviceExec>().map(DeviceExec::lowered)
    }

    fn refusal(&self, plan: &dyn ExecutionPlan) -> Option<String> {
        plan.downcast_ref::<DeviceExec>().and_then(DeviceExec::refusal)
    }
}
