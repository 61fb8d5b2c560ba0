//! Fault: `PREPARE p AS SELECT DISTINCT ON (k) ...` panics: the rule that turns it into an aggregate asks for `first_value`,
//! and PREPARE optimizes without a registry of functions (DataFusion 55.2).
//!
//! Correction: there the rule leaves DISTINCT ON alone; EXECUTE optimizes once more, with the registry.
//! Test: `engine/tests/session/prepared.rs`.

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{Distinct, LogicalPlan};
use datafusion::optimizer::{Optimizer, OptimizerConfig};

use super::rules::{Rule, wrap};

const WRAPPED: &str = "replace_distinct_aggregate";

pub(super) fn install(builder: &mut SessionStateBuilder) -> crate::error::Result<()> {
    wrap(&mut builder.optimizer().get_or_insert_with(Optimizer::new).rules, WRAPPED, with_registry)
}

fn with_registry(host: &Rule, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    if config.function_registry().is_none() && matches!(plan, LogicalPlan::Distinct(Distinct::On(_))) {
        return Ok(Transformed::no(plan));
    }
    host.rewrite(plan, config)
}
