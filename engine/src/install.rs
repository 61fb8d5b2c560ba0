//! Adds Maar to a DataFusion session: options, exact arithmetic, placement. One call for an existing embedder.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;

use crate::corrections::{self, rules::position};
use crate::device::{Devices, MaarOptions, PlacementRule, install_devices};
use crate::error::Result;
use crate::{exact, files, functions};

/// The rule that placement goes in front of. There the plan is as the planner made it: whole files, partial directly under
/// final aggregates, no repartitioning; DataFusion then adds what the placed operators state that they need.
const PLACED_BEFORE: &str = "EnsureRequirements";

/// Gives the sessions built from `builder` Maar's options (`maar.*`), exact arithmetic, device placement, and every correction
/// of what DataFusion answers wrongly.
/// Call it after every other setting, `with_default_features` included. A second call changes nothing.
///
/// # Errors
/// [`crate::ErrorKind::Unsupported`] when the builder's optimizers lack the rules that Maar's go in front of.
pub fn install(mut builder: SessionStateBuilder) -> Result<SessionStateBuilder> {
    let installed = |rules: &PhysicalOptimizer| rules.rules.iter().any(|rule| rule.name() == PlacementRule::NAME);
    if builder.physical_optimizers().as_ref().is_some_and(installed) {
        return Ok(builder);
    }
    corrections::install(&mut builder)?;
    files::install(&mut builder);
    functions::install(&mut builder);
    let config = builder.config().get_or_insert_with(SessionConfig::new);
    if config.options().extensions.get::<MaarOptions>().is_none() {
        config.options_mut().extensions.insert(MaarOptions::default());
    }
    let devices = install_devices(config);
    exact::install(&mut builder)?;
    let physical = builder.physical_optimizers().get_or_insert_with(PhysicalOptimizer::new);
    place_before_requirements(&mut physical.rules, devices)?;
    physical.rules.insert(0, exact::first_rule());
    Ok(builder)
}

type Rules = Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>;

fn place_before_requirements(rules: &mut Rules, devices: Arc<Devices>) -> Result<()> {
    let at = position(rules, PLACED_BEFORE)?;
    let placement: Arc<dyn PhysicalOptimizerRule + Send + Sync> = Arc::new(PlaceOnDevice { devices });
    let mut added = corrections::before_placement();
    added.extend([placement, exact::host_rule()]);
    added.extend(corrections::behind_placement());
    rules.splice(at..at, added);
    Ok(())
}

/// Opens the device that the options name, when a query first wants it, and lets `maar-gpu-exec` place the plan on it.
#[derive(Debug)]
struct PlaceOnDevice {
    devices: Arc<Devices>,
}

impl PhysicalOptimizerRule for PlaceOnDevice {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        self.devices.rule(config)?.optimize(plan, config)
    }

    fn name(&self) -> &str {
        PlacementRule::NAME
    }

    fn schema_check(&self) -> bool {
        true
    }
}
