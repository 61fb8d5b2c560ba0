//! Adds Maar to a DataFusion session: options, exact arithmetic, placement. One call for an existing embedder.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;

use crate::corrections::{self, rules::position};
use crate::device::{Devices, FirstRowsRule, HostRules, MaarOptions, PlacementRule, install_devices};
use crate::error::Result;
use crate::{exact, files, functions, idle_rules};

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
    files::install(&mut builder)?;
    functions::install(&mut builder);
    let config = builder.config().get_or_insert_with(SessionConfig::new);
    if config.options().extensions.get::<MaarOptions>().is_none() {
        config.options_mut().extensions.insert(MaarOptions::default());
    }
    let devices = install_devices(config);
    exact::install(&mut builder)?;
    idle_rules::install(&mut builder)?;
    let physical = builder.physical_optimizers().get_or_insert_with(PhysicalOptimizer::new);
    place_before_requirements(&mut physical.rules, devices)?;
    physical.rules.insert(0, exact::first_rule());
    physical.rules.push(Arc::new(FirstRowsRule));
    Ok(builder)
}

type Rules = Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>;

fn place_before_requirements(rules: &mut Rules, devices: Arc<Devices>) -> Result<()> {
    let at = position(rules, PLACED_BEFORE)?;
    let mut behind = vec![exact::host_rule()];
    behind.extend(corrections::behind_placement());
    let after: HostRules = behind.iter().chain(&rules[at..]).cloned().collect();
    let mut added = corrections::before_placement();
    added.push(Arc::new(PlaceOnDevice { devices, after }));
    added.extend(behind);
    rules.splice(at..at, added);
    Ok(())
}

/// Opens the device that the options name, when a query first wants it, and lets `maar-gpu-exec` place the plan on it.
struct PlaceOnDevice {
    devices: Arc<Devices>,
    after: HostRules,
}

impl fmt::Debug for PlaceOnDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlaceOnDevice").field("devices", &self.devices).finish_non_exhaustive()
    }
}

impl PhysicalOptimizerRule for PlaceOnDevice {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        self.devices.rule(config, &self.after)?.optimize(plan, config)
    }

    fn name(&self) -> &str {
        PlacementRule::NAME
    }

    fn schema_check(&self) -> bool {
        true
    }
}
