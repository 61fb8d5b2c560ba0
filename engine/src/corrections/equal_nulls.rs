//! Fault: in an inner join `ON a.k IS NOT DISTINCT FROM b.k`, `WHERE a.v = b.v` becomes one more key of the join, and NULL equals
//! NULL there as well; and where inner joins are put in another order, one setting for NULL is taken for all keys (DataFusion 55.2).
//!
//! Correction: a join whose keys take NULL for a value gets no further keys, and stays out of the reordering.
//! Test: `tests/sqllogictest/slt/join/equal_nulls.slt`.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, NullEquality};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{EmptyRelation, Join, JoinType, LogicalPlan};
use datafusion::optimizer::{Optimizer, OptimizerConfig};

use super::rules::{Rule, wrap};

pub(super) fn install(builder: &mut SessionStateBuilder) -> crate::error::Result<()> {
    let rules = &mut builder.optimizer().get_or_insert_with(Optimizer::new).rules;
    wrap(rules, "extract_equijoin_predicate", extract_keys)?;
    wrap(rules, "eliminate_cross_join", reorder)
}

fn takes_null_for_a_value(join: &Join) -> bool {
    join.null_equality == NullEquality::NullEqualsNull && !join.on.is_empty()
}

fn extract_keys(host: &Rule, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Join(join) if takes_null_for_a_value(&join) => Ok(Transformed::no(LogicalPlan::Join(join))),
        other => host.rewrite(other, config),
    }
}

fn reorder(host: &Rule, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    if !plan.exists(|node| Ok(is_kept(node)))? {
        return host.rewrite(plan, config);
    }
    let mut kept: Vec<(DFSchemaRef, LogicalPlan)> = Vec::new();
    let hidden = plan.transform_down(|node| {
        if !is_kept(&node) {
            return Ok(Transformed::no(node));
        }
        let inside = node.map_children(|child| reorder(host, child, config))?.data;
        // The schema of its own is what the place is known by afterwards.
        let schema = Arc::new(inside.schema().as_ref().clone());
        kept.push((Arc::clone(&schema), inside));
        let place = LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema });
        Ok(Transformed::new(place, true, TreeNodeRecursion::Jump))
    });
    let reordered = host.rewrite(hidden.data()?, config)?.data;
    reordered.transform_down(|node| {
        let LogicalPlan::EmptyRelation(place) = &node else { return Ok(Transformed::no(node)) };
        match kept.iter().find(|(schema, _)| Arc::ptr_eq(schema, &place.schema)) {
            Some((_, inside)) => Ok(Transformed::new(inside.clone(), true, TreeNodeRecursion::Jump)),
            None => Ok(Transformed::no(node)),
        }
    })
}

fn is_kept(node: &LogicalPlan) -> bool {
    matches!(node, LogicalPlan::Join(join) if join.join_type == JoinType::Inner && takes_null_for_a_value(join))
}
