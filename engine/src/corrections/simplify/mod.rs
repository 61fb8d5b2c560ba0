//! Fault: DataFusion's rules for expressions forget NULL, or that an expression may fail (55.2; apache/datafusion issues
//! of the label 'wrong result').
//!
//! Correction: what they get wrong is hidden from them while they work ([`faults`] has the table of rules), what is not
//! reached is not computed ([`lazy`], [`pushdown`], [`filtered`], [`join_filters`]), and casts stay where files are adapted ([`adapter`]).
//! Tests: `engine/tests/session/rules`, `tests/sqllogictest/slt/expressions/lazy.slt`.

mod adapter;
mod casts;
mod estimates;
mod faults;
mod filtered;
mod join_filters;
mod lazy;
mod pushdown;
mod risk;
mod sealed;

pub(super) use adapter::keeper;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{Analyzer, Optimizer, OptimizerConfig};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;

use super::plans::{any_expression, input_schema, map_named};
use super::rules::{Rule, wrap};
use super::times::{compare_exactly, has_cast_of_time};

/// The rule of the host that is wrapped.
const WRAPPED: &str = "simplify_expressions";

pub(super) fn install(builder: &mut SessionStateBuilder) -> crate::error::Result<()> {
    builder.analyzer().get_or_insert_with(Analyzer::new).rules.push(Arc::new(filtered::GuardArguments));
    let optimizer = builder.optimizer().get_or_insert_with(Optimizer::new);
    wrap(&mut optimizer.rules, WRAPPED, simplified)?;
    pushdown::install(&mut optimizer.rules)?;
    join_filters::install(&mut builder.physical_optimizers().get_or_insert_with(PhysicalOptimizer::new).rules);
    let optimizer = builder.optimizer().get_or_insert_with(Optimizer::new);
    optimizer.rules.push(Arc::new(estimates::NoEstimate));
    Ok(())
}

type PhysicalRule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// What goes right before placement.
pub(super) fn before_placement() -> PhysicalRule {
    Arc::new(adapter::KeepCasts)
}

/// What goes right behind placement: devices are lazy by themselves.
pub(super) fn behind_placement() -> PhysicalRule {
    Arc::new(lazy::GuardRisks)
}

/// The plan as placement saw it: without what the last rule adds for the host.
pub(super) fn as_placed(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    lazy::without_guards(plan)
}

/// The host's simplifier, kept from what it gets wrong.
fn simplified(host: &Rule, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    if !any_expression(&plan, faults::concerns)? {
        return host.rewrite(plan, config);
    }
    let schema = input_schema(&plan)?;
    let sealed = map_named(plan, |expr| faults::seal_faults(expr, &schema))?;
    if !sealed.transformed {
        return exact_times(host.rewrite(sealed.data, config)?);
    }
    let kind = std::mem::discriminant(&sealed.data);
    let simplified = host.rewrite(sealed.data, config)?;
    // Sealing and unsealing cancel out: only what the host did counts, or the optimizer would never come to rest.
    let changed = simplified.transformed;
    let plan = map_named(simplified.data, sealed::unseal)?.data;
    if std::mem::discriminant(&plan) == kind {
        return exact_times(Transformed::new_transformed(plan, changed));
    }
    // An aggregate that became a projection over one.
    let plan = plan.map_children(|child| map_named(child, sealed::unseal)).data()?;
    Ok(Transformed::new_transformed(plan, changed))
}

/// Folding gives constants that were not known when the query was analysed: `now()`, sums of a time and an interval.
fn exact_times(simplified: Transformed<LogicalPlan>) -> Result<Transformed<LogicalPlan>> {
    if !has_cast_of_time(&simplified.data)? {
        return Ok(simplified);
    }
    let schema = input_schema(&simplified.data)?;
    simplified.transform_data(|plan| map_named(plan, |expr| compare_exactly(expr, &schema)))
}
