//! What placement needs to know of the plan nodes it makes: a seam, so that it can be tested without a device.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;

use super::Lowered;

/// Which rows a scan on the device gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScannedRows {
    /// All that the host's scan gives, and no others.
    All,
    /// Others too: a last column, which the host's does not have, says which those are that it gives.
    Marked,
}

/// Makes and recognises the plan nodes that run on the device.
pub trait DeviceNodes: Debug + Send + Sync {
    /// Whether a file scan can be loaded onto the device.
    ///
    /// # Errors
    /// The reason it cannot, in words a user can act on.
    fn check_scan(&self, scan: &Arc<dyn ExecutionPlan>) -> Result<ScannedRows, String>;

    /// The node that runs a lowered subtree. Its children are `lowered.inputs`, its schema is `lowered.schema`;
    /// it states one partition of bounded rows, in `lowered.ordering`.
    ///
    /// # Errors
    /// Whatever keeps the node from being made; the query fails with it.
    fn make(&self, lowered: Lowered, original: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>>;

    /// What a node made here runs; `None` for host nodes.
    fn lowered<'a>(&self, plan: &'a dyn ExecutionPlan) -> Option<&'a Lowered>;

    /// Why the last execution of a node made here went back to the host; `None` where it did not.
    fn refusal(&self, _plan: &dyn ExecutionPlan) -> Option<String> {
        None
    }
}

/// Device nodes where there is no device: for saying what would be placed, never for placing it.
#[derive(Debug)]
pub(crate) struct NoDevice;

impl DeviceNodes for NoDevice {
    fn check_scan(&self, _scan: &Arc<dyn ExecutionPlan>) -> std::result::Result<ScannedRows, String> {
        Ok(ScannedRows::All)
    }

    fn make(&self, _lowered: Lowered, _original: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        internal_err!("a plan was placed without a device")
    }

    fn lowered<'a>(&self, _plan: &'a dyn ExecutionPlan) -> Option<&'a Lowered> {
        None
    }
}
