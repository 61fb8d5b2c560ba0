//! Stand-in for `maar-gpu-exec`'s placement until that crate exports it: every operator stays on the host.
//! The names and shapes are the ones `maar-gpu-exec` will export; replacing this file is the whole wiring.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use super::options::DeviceKind;

/// Where one operator runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    Device,
    /// Answered from file metadata: no fallback.
    Metadata,
    Host {
        reason: String,
    },
}

/// An operator of a plan, as EXPLAIN prints it, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorPlacement {
    pub operator: String,
    pub place: Placement,
}

/// What one device pipeline did.
#[derive(Debug, Clone, Default)]
pub struct PipelineReport {
    pub name: String,
    pub rows_in: u64,
    pub rows_out: u64,
    pub bytes: u64,
    pub kernel_ms: f64,
    pub compile_ms: f64,
    pub origin: String,
}

/// What ran where, collected from an executed plan.
#[derive(Debug, Clone, Default)]
pub struct QueryReport {
    pub device: String,
    pub operators: Vec<OperatorPlacement>,
    pub pipelines: Vec<PipelineReport>,
}

/// What a device runtime is opened with.
#[derive(Debug, Clone, Default)]
pub struct RuntimeOptions {
    pub memory_bytes: Option<u64>,
}

/// An open device with its column store and compiled code.
#[derive(Debug)]
pub struct DeviceRuntime;

impl DeviceRuntime {
    /// Opens the device; an error says what is missing and how to get it.
    pub fn open(kind: DeviceKind, _options: &RuntimeOptions) -> Result<Arc<Self>> {
        Err(DataFusionError::External(
            format!("the device '{kind}' is not part of this build; SET maar.device = 'cpu'").into(),
        ))
    }
}

/// Replaces the subtrees of a plan that the device can run.
#[derive(Debug)]
pub struct PlacementRule;

impl PlacementRule {
    pub fn new(_runtime: Option<Arc<DeviceRuntime>>) -> Self {
        Self
    }
}

impl PhysicalOptimizerRule for PlacementRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(plan)
    }

    fn name(&self) -> &str {
        "maar_placement"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The place of every operator of `plan`, parents first.
pub fn placements(plan: &Arc<dyn ExecutionPlan>) -> Vec<OperatorPlacement> {
    let mut found = vec![OperatorPlacement {
        operator: plan.name().to_string(),
        place: Placement::Host { reason: "the session's device is cpu".to_string() },
    }];
    for child in plan.children() {
        found.extend(placements(child));
    }
    found
}

/// The report of an executed plan.
pub fn collect(plan: &Arc<dyn ExecutionPlan>) -> QueryReport {
    QueryReport { device: "cpu".to_string(), operators: placements(plan), pipelines: Vec::new() }
}
