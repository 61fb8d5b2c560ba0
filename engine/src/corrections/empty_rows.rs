//! Fault: a sort of rows without columns fails where the keys are computed of none (DataFusion 55.2): `SELECT count(*) FROM (SELECT x
//! FROM t ORDER BY random() LIMIT 3), u` is refused with 'must either specify a row count or at least one column'.
//!
//! Correction: such rows are all alike, so there is nothing to sort; a limit stays. Test: `tests/sqllogictest/slt/limit/empty_rows.slt`.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::{ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule};

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.optimizer().get_or_insert_with(Optimizer::new).rules.push(Arc::new(NoSortOfEmptyRows));
}

/// The rule; it goes behind those that leave out columns.
#[derive(Debug)]
struct NoSortOfEmptyRows;

impl OptimizerRule for NoSortOfEmptyRows {
    fn name(&self) -> &str {
        "maar_empty_rows"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Sort(sort) if sort.input.schema().fields().is_empty() => {
                let rows = Arc::unwrap_or_clone(sort.input);
                Ok(Transformed::yes(match sort.fetch {
                    Some(rows_kept) => LogicalPlanBuilder::from(rows).limit(0, Some(rows_kept))?.build()?,
                    None => rows,
                }))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}
