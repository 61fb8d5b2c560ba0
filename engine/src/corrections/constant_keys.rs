//! Fault: where joins are put in another order, a key that is constant on one side is forgotten, and the join is a cross join
//! (`JOIN z ON NULL = z.z`; DataFusion 55.2).
//!
//! Correction: such a key is a condition of the join before. Test: `tests/sqllogictest/slt/join/constant_keys.slt`.

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, Join, LogicalPlan};
use datafusion::optimizer::{Optimizer, OptimizerConfig};

use super::rules::{Rule, wrap};

pub(super) fn install(builder: &mut SessionStateBuilder) -> crate::error::Result<()> {
    wrap(&mut builder.optimizer().get_or_insert_with(Optimizer::new).rules, "eliminate_cross_join", keep_constant_keys)
}

fn keep_constant_keys(
    host: &Rule,
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<LogicalPlan>> {
    if !plan.exists(|node| Ok(matches!(node, LogicalPlan::Join(join) if has_constant_key(join))))? {
        return host.rewrite(plan, config);
    }
    let plan = plan.transform_up(|node| match node {
        LogicalPlan::Join(join) if has_constant_key(&join) => Ok(Transformed::yes(as_condition(join))),
        other => Ok(Transformed::no(other)),
    });
    host.rewrite(plan.data()?, config)
}

fn is_constant((left, right): &(Expr, Expr)) -> bool {
    !left.any_column_refs() || !right.any_column_refs()
}

fn has_constant_key(join: &Join) -> bool {
    join.join_type == JoinType::Inner
        && join.null_equality == NullEquality::NullEqualsNothing
        && join.on.iter().any(is_constant)
}

fn as_condition(mut join: Join) -> LogicalPlan {
    let (constant, keys): (Vec<_>, Vec<_>) = join.on.into_iter().partition(is_constant);
    join.on = keys;
    let conditions = constant.into_iter().map(|(left, right)| left.eq(right));
    join.filter = conjunction(conditions.chain(join.filter));
    LogicalPlan::Join(join)
}
