//! LATERAL: a relation that looks at the rows to its left, as a join with the same relation made independent of them.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr};

use super::dependent::{Domain, independent};
use super::joins::Names;

/// The join that stands for `join`, where its right side is a LATERAL subquery that looks to the left.
pub(super) fn as_join(join: &Join, names: &Names) -> Result<Option<LogicalPlan>> {
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
        return Ok(None);
    }
    let Some(right) = without_wrapper(&join.right)? else { return Ok(None) };
    let Some(domain) = Domain::of(&join.left, &right, names)? else {
        // It looks at the rows of a query further out, as every other relation may.
        let plain = Join { right: Arc::new(right), ..join.clone() };
        return Ok(Some(LogicalPlan::Join(plain)));
    };
    let outputs: Vec<Expr> = join.schema.columns().into_iter().map(Expr::Column).collect();
    let detached = independent(right, Some(&domain), names)?;
    let same = detached.keys().into_iter().map(|(outer, key)| binary_expr(outer, Operator::IsNotDistinctFrom, key));
    let condition = same.chain(join.filter.clone()).reduce(Expr::and);
    let joined = Join::try_new(
        Arc::clone(&join.left),
        Arc::new(detached.plan),
        join.on.clone(),
        condition,
        join.join_type,
        join.join_constraint,
        join.null_equality,
        false,
    )?;
    Ok(Some(LogicalPlanBuilder::from(LogicalPlan::Join(joined)).project(outputs)?.build()?))
}

/// The plan of a LATERAL subquery under its alias.
fn without_wrapper(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Subquery(subquery) => Ok(Some(subquery.subquery.as_ref().clone())),
        LogicalPlan::SubqueryAlias(alias) => {
            let Some(inner) = without_wrapper(&alias.input)? else { return Ok(None) };
            Ok(Some(LogicalPlanBuilder::from(inner).alias(alias.alias.clone())?.build()?))
        }
        _ => Ok(None),
    }
}
