//! Constant folding that does not wrap: DataFusion's own rule, with arithmetic hidden from it while it works.

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::OptimizerConfig;

use super::hidden::{Hiding, has_arithmetic, hide, reveal};
use crate::corrections::plans::{any_expression, map_named};
use crate::corrections::rules::Rule;

/// The rule that folds constants, by the name DataFusion gives it.
pub(super) const REPLACED_RULE: &str = "simplify_expressions";

/// Folds constants exactly.
pub(super) fn folded(host: &Rule, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    if !any_expression(&plan, has_arithmetic)? {
        return host.rewrite(plan, config);
    }
    if !can_be_marked_later(&plan) {
        let hidden = map_named(plan, |expr| hide(expr, Hiding::All))?;
        let folded = host.rewrite(hidden.data, config)?;
        return Ok(Transformed::new_transformed(folded.data, hidden.transformed || folded.transformed));
    }
    let hidden = map_named(plan, |expr| hide(expr, Hiding::Foldable))?;
    let folded = host.rewrite(hidden.data, config)?;
    if !hidden.transformed {
        return Ok(folded);
    }
    // Hiding and revealing cancel out: only folding counts as a change, or the optimizer would never come to rest.
    let revealed = map_named(folded.data, reveal)?;
    Ok(Transformed::new_transformed(revealed.data, folded.transformed))
}

/// The nodes whose physical operators `operators` can rewrite, and scans, whose providers know plain arithmetic only.
/// Every other node keeps the hidden form to its execution.
fn can_be_marked_later(plan: &LogicalPlan) -> bool {
    matches!(
        plan,
        LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::TableScan(_)
    )
}
