//! Fault: `PREPARE p AS SELECT DISTINCT ON (k) ...` panics: the rule that turns it into an aggregate asks for `first_value`,
//! and PREPARE optimizes without a registry of functions (DataFusion 55.2).
//!
//! Correction: there the rule leaves DISTINCT ON alone; EXECUTE optimizes once more, with the registry.
//! Test: `engine/tests/session/prepared.rs`.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{Distinct, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule};

use super::rules::position;

const WRAPPED: &str = "replace_distinct_aggregate";

pub(super) fn install(builder: &mut SessionStateBuilder) -> crate::error::Result<()> {
    let rules = &mut builder.optimizer().get_or_insert_with(Optimizer::new).rules;
    let at = position(rules, WRAPPED)?;
    rules[at] = Arc::new(WithRegistry { host: Arc::clone(&rules[at]) });
    Ok(())
}

#[derive(Debug)]
struct WithRegistry {
    host: Arc<dyn OptimizerRule + Send + Sync>,
}

impl OptimizerRule for WithRegistry {
    fn name(&self) -> &str {
        WRAPPED
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.host.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if config.function_registry().is_none() && matches!(plan, LogicalPlan::Distinct(Distinct::On(_))) {
            return Ok(Transformed::no(plan));
        }
        self.host.rewrite(plan, config)
    }
}
