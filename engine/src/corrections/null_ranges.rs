//! Fault: a frame like `RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING` is taken to be known once its row is there. But a NULL is
//! at no distance of anything: its frame ends with the last NULL, which may come with a later batch. Of 10,000 rows, the last
//! 2,000 of them NULLs, some of these count 8,192 (DataFusion 55.2).
//!
//! Correction: where there may be NULLs in the order of such a frame, partitions are read whole. Test:
//! `tests/sqllogictest/slt/windows/range_frames.slt`.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{WindowFrameBound, WindowFrameUnits};
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

/// At the end: the host chooses between the two operators until then.
pub(super) fn install(builder: &mut SessionStateBuilder) {
    let optimizer = builder.physical_optimizers().get_or_insert_with(PhysicalOptimizer::new);
    optimizer.rules.push(Arc::new(WholePartitions));
}

#[derive(Debug)]
struct WholePartitions;

impl PhysicalOptimizerRule for WholePartitions {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| match node.downcast_ref::<BoundedWindowAggExec>() {
            Some(window) if window.window_expr().iter().any(|call| is_concerned(call.as_ref(), window)) => {
                Ok(Transformed::yes(whole(window)?))
            }
            _ => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "maar_null_ranges"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether a call's frame lies at a distance of values that may be NULL.
fn is_concerned(call: &dyn WindowExpr, window: &BoundedWindowAggExec) -> bool {
    let frame = call.get_window_frame();
    let is_far = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => !value.is_null(),
        WindowFrameBound::CurrentRow => false,
    };
    let schema = window.input().schema();
    frame.units == WindowFrameUnits::Range
        && (is_far(&frame.start_bound) || is_far(&frame.end_bound))
        && call.order_by().iter().any(|key| key.expr.nullable(&schema).unwrap_or(true))
}

/// The same over whole partitions, which takes rows that are sorted by partition and order. Its own order stays what it was.
fn whole(window: &BoundedWindowAggExec) -> Result<Arc<dyn ExecutionPlan>> {
    let can_repartition = !window.partition_keys().is_empty();
    let calls = window.window_expr().to_vec();
    if window.input_order_mode == InputOrderMode::Sorted {
        return Ok(Arc::new(WindowAggExec::try_new(calls, Arc::clone(window.input()), can_repartition)?));
    }
    let keys = calls.first().into_iter().flat_map(|call| {
        let partition = call.partition_by().iter().map(|key| PhysicalSortExpr::new_default(Arc::clone(key)));
        partition.chain(call.order_by().iter().cloned()).collect::<Vec<_>>()
    });
    let sorted = sorted(Arc::clone(window.input()), LexOrdering::new(keys));
    let whole: Arc<dyn ExecutionPlan> = Arc::new(WindowAggExec::try_new(calls, sorted, can_repartition)?);
    // Who asked for the order that the host found there may still count on it.
    Ok(self::sorted(whole, window.properties().output_ordering().cloned()))
}

fn sorted(plan: Arc<dyn ExecutionPlan>, order: Option<LexOrdering>) -> Arc<dyn ExecutionPlan> {
    match order {
        Some(order) => Arc::new(SortExec::new(order, plan).with_preserve_partitioning(true)),
        None => plan,
    }
}
