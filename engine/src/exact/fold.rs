//! Constant folding that does not wrap: DataFusion's own rule, with arithmetic hidden from it while it works.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::hidden::{Hiding, has_arithmetic, hide, reveal};

/// The rule that folds constants, by the name DataFusion gives it.
pub(super) const REPLACED_RULE: &str = "simplify_expressions";

/// Folds constants exactly.
#[derive(Debug)]
pub(super) struct ExactFolding {
    folding: Arc<dyn OptimizerRule + Send + Sync>,
}

impl ExactFolding {
    pub(super) fn new(folding: Arc<dyn OptimizerRule + Send + Sync>) -> Self {
        Self { folding }
    }
}

impl OptimizerRule for ExactFolding {
    fn name(&self) -> &str {
        REPLACED_RULE
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.folding.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if !plan_has_arithmetic(&plan)? {
            return self.folding.rewrite(plan, config);
        }
        if !can_be_marked_later(&plan) {
            let hidden = map_named(plan, |expr| hide(expr, Hiding::All))?;
            let folded = self.folding.rewrite(hidden.data, config)?;
            return Ok(Transformed::new_transformed(folded.data, hidden.transformed || folded.transformed));
        }
        let hidden = map_named(plan, |expr| hide(expr, Hiding::Foldable))?;
        let folded = self.folding.rewrite(hidden.data, config)?;
        if !hidden.transformed {
            return Ok(folded);
        }
        // Hiding and revealing cancel out: only folding counts as a change, or the optimizer would never come to rest.
        let revealed = map_named(folded.data, reveal)?;
        Ok(Transformed::new_transformed(revealed.data, folded.transformed))
    }
}

fn plan_has_arithmetic(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_expressions(|expr| {
        found = has_arithmetic(expr);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
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

/// Rewrites the expressions of one node and keeps the names that its columns get from them.
fn map_named(
    plan: LogicalPlan,
    rewrite: impl Fn(Expr) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        Ok(rewrite(expr)?.update_data(|expr| name.restore(expr)))
    })
}
