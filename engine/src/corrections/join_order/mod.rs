//! Fault: joins run in the order in which they are written, also where two of them make billions of rows that the third one
//! throws away. Minutes become hours, which is as good as no answer.
//!
//! Correction: where the rows that inner joins put out between them are estimated to be many times what they read, they are
//! put in the order that makes fewest: greedy, left-deep, without cross products. Every other plan stays as it is
//! written; what keys and foreign keys join never grows so. Test: `engine/tests/session/join_order.rs`.

mod estimate;
mod graph;
mod rebuild;

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;

use super::rules::position;
use estimate::Estimates;
use graph::{Graph, address};

/// The host's rule that chooses the sides of each join: it comes after ours.
const SIDES: &str = "join_selection";
/// Rows between joins, as a multiple of the rows read, from which on an order is worth changing.
const GROWTH: f64 = 8.0;
/// Fewer rows than these are nobody's trouble.
const ROWS_MIN: f64 = 1e6;
/// How many times fewer rows another order must make: estimates are no better.
const GAIN: f64 = 8.0;

pub(super) fn install(builder: &mut SessionStateBuilder) -> crate::error::Result<()> {
    let optimizer = builder.physical_optimizers().get_or_insert_with(PhysicalOptimizer::new);
    let at = position(&optimizer.rules, SIDES)?;
    optimizer.rules.insert(at, Arc::new(JoinOrder));
    Ok(())
}

#[derive(Debug)]
struct JoinOrder;

impl PhysicalOptimizerRule for JoinOrder {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if !config.optimizer.join_reordering {
            return Ok(plan);
        }
        let mut seen = HashSet::new();
        let reordered = plan.transform_down(|plan| {
            if seen.contains(&address(&plan)) {
                return Ok(Transformed::no(plan));
            }
            let Some(graph) = Graph::of(&plan)? else { return Ok(Transformed::no(plan)) };
            seen.extend(graph.seen.iter().copied());
            let Some(estimates) = Estimates::of(&graph)? else { return Ok(Transformed::no(plan)) };
            match better_order(&graph, &estimates) {
                None => Ok(Transformed::no(plan)),
                Some(order) => {
                    let rebuilt = rebuild::in_order(&graph, &order, &plan)?;
                    // Joins in the inputs are left as they are.
                    Ok(Transformed::new(rebuilt, true, TreeNodeRecursion::Jump))
                }
            }
        });
        reordered.data()
    }

    fn name(&self) -> &str {
        "maar_join_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// An order of the inputs that is far better than the one written.
fn better_order(graph: &Graph, estimates: &Estimates) -> Option<Vec<usize>> {
    let written: Vec<f64> = graph.joins.iter().map(|joined| estimates.rows(*joined)).collect();
    let most = written.iter().copied().fold(0.0, f64::max);
    if most < ROWS_MIN || most < GROWTH * estimates.rows_read() {
        return None;
    }
    let orders = (0..graph.inputs.len()).filter_map(|first| greedy(graph, estimates, first));
    let (order, rows) = orders.min_by(|one, other| one.1.total_cmp(&other.1))?;
    (rows * GAIN < written.iter().sum()).then_some(order)
}

/// From one input on, always the one next that makes fewest rows, and how many rows that makes in all.
fn greedy(graph: &Graph, estimates: &Estimates, first: usize) -> Option<(Vec<usize>, f64)> {
    let (mut order, mut joined, mut rows) = (vec![first], 1 << first, 0.0);
    while order.len() < graph.inputs.len() {
        let next = graph.neighbours(joined).map(|next| (next, estimates.rows(joined | 1 << next)));
        let (next, made) = next.min_by(|one, other| one.1.total_cmp(&other.1))?;
        order.push(next);
        joined |= 1 << next;
        rows += made;
    }
    Some((order, rows))
}
