//! The way back: a subtree that the device refuses before a row of it has left runs on the host, as the host planned it.
//!
//! Refused is what has no form or no room on the device ([`Error::is_refusal`]). Not what is wrong with the query or its
//! data, which the host would find too, and never a fault: what a device did wrong is not hidden by a second try.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::ConfigOnlyContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::reset_plan_states;

use super::account::Account;

/// The host's rules that come after placement, in their order.
pub type HostRules = Arc<[Arc<dyn PhysicalOptimizerRule + Send + Sync>]>;

/// What a placed subtree was before it was placed.
#[derive(Clone)]
pub(super) struct WayBack {
    pub(super) original: Arc<dyn ExecutionPlan>,
    pub(super) rules: HostRules,
}

impl WayBack {
    /// The subtree as the host would run it, all of it on the host. It shares nothing with the host's inputs of the device,
    /// which have run: a join that keeps rows of its smaller side remembers which have left.
    pub(super) fn plan(&self, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let context = ConfigOnlyContext::new(config);
        let original = reset_plan_states(Arc::clone(&self.original))?;
        self.rules.iter().try_fold(original, |plan, rule| rule.optimize_with_context(plan, &context))
    }
}

impl WayBack {
    /// The same for another run.
    pub(super) fn afresh(&self) -> Result<Self> {
        Ok(Self { original: reset_plan_states(Arc::clone(&self.original))?, rules: Arc::clone(&self.rules) })
    }
}

impl fmt::Debug for WayBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WayBack").field("original", &self.original.name()).finish_non_exhaustive()
    }
}

/// How far the last execution of a device node came.
#[derive(Debug, Default)]
pub(super) enum Ran {
    /// There was none.
    #[default]
    NotYet,
    /// As far as that came.
    OnDevice(Arc<Account>),
    /// The device refused it.
    OnHost { reason: String, plan: Arc<dyn ExecutionPlan> },
}
