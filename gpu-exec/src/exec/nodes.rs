//! Making device nodes for placement.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;

use super::{DeviceExec, DeviceRuntime};
use crate::error::Error;
use crate::planner::{DeviceNodes, Lowered, RawTexts};
use crate::scan::recognise;

/// Makes [`DeviceExec`] nodes for one runtime.
#[derive(Clone, Debug)]
pub struct DeviceFactory {
    runtime: Arc<DeviceRuntime>,
}

impl DeviceFactory {
    pub fn new(runtime: Arc<DeviceRuntime>) -> Self {
        Self { runtime }
    }
}

impl DeviceNodes for DeviceFactory {
    fn check_scan(&self, scan: &Arc<dyn ExecutionPlan>) -> std::result::Result<(), String> {
        recognise(scan).map(|_| ())
    }

    fn make(&self, lowered: Lowered, _original: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let scans = lowered.scans.iter().map(recognise).collect::<std::result::Result<Vec<_>, _>>();
        let mut scans = scans.map_err(|reason| Error::internal(format!("a placed scan was refused: {reason}")))?;
        let raw = RawTexts::of(&lowered.root);
        for (number, scan) in scans.iter_mut().enumerate() {
            scan.allow_raw_text(&raw.of_scan(number));
        }
        let scans = scans.into_iter().map(Arc::new).collect();
        Ok(Arc::new(DeviceExec::new(Arc::clone(&self.runtime), lowered, scans)))
    }

    fn lowered<'a>(&self, plan: &'a dyn ExecutionPlan) -> Option<&'a Lowered> {
        plan.downcast_ref::<DeviceExec>().map(DeviceExec::lowered)
    }
}
