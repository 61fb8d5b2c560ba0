//! `WHERE i < 5 AND CAST(i AS INT) < 3` fails while it is planned: DataFusion estimates how many rows pass by casting the
//! column's least and greatest values, which the guard would have kept out, and takes the failure for the query's.
//!
//! A condition that has such a cast gets a part that is always true and that the estimate gives up at.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExprSchemable, Filter, LogicalPlan, and, lit};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::casts::is_total;

/// The rule; it goes last: the simplifier would take the part away again.
#[derive(Debug)]
pub(super) struct NoEstimate;

impl OptimizerRule for NoEstimate {
    fn name(&self) -> &str {
        "maar_no_estimate"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let always = lit(true).is_not_null();
        match plan {
            LogicalPlan::Filter(filter) if casts_may_fail(&filter) && !has(&filter.predicate, &always) => {
                let predicate = and(filter.predicate, always);
                // No change that calls for another pass: that would take it away.
                Ok(Transformed::no(LogicalPlan::Filter(Filter::new(predicate, filter.input))))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

fn has(expr: &Expr, part: &Expr) -> bool {
    expr.exists(|e| Ok(e == part)).unwrap_or(false)
}

/// Whether the condition has a cast of numbers or times that can fail.
fn casts_may_fail(filter: &Filter) -> bool {
    let may_fail = |expr: &Expr| {
        let Expr::Cast(cast) = expr else { return false };
        let from = cast.expr.get_type(filter.input.schema()).unwrap_or(DataType::Null);
        !from.is_string() && !is_total(&from, cast.field.data_type())
    };
    filter.predicate.exists(|e| Ok(may_fail(e))).unwrap_or(false)
}
