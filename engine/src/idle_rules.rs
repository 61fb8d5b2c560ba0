//! Rules of the host's that have nothing to do in a plan are not run in it: each rewrites the plan all the same, in every pass
//! of the optimizer, and to look whether there is anything costs less.
//!
//! Not here: what a rule does wrong (`corrections`, whose wrappers are inside these).

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as HostResult;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{
    Aggregate, Expr, ExpressionPlacement, Join, JoinConstraint, JoinType, LogicalPlan, Sort,
};
use datafusion::optimizer::{ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule};

use crate::corrections::plans::{any_expression, any_node};
use crate::corrections::rules::{Rule, position};
use crate::error::Result;

/// Whether a rule has something to do in what it is given: a plan, or where the optimizer brings it to every node, a node.
/// Yes where that is not known.
type HasWork = fn(&LogicalPlan) -> HostResult<bool>;

/// The rules, by name. What is looked for is what the rule of that name does in DataFusion 55.2.
const RULES: [(&str, HasWork); 5] = [
    ("rewrite_set_comparison", compares_with_sets),
    ("simplify_expressions", computes),
    ("eliminate_duplicated_expr", may_repeat_keys),
    ("eliminate_cross_join", may_reorder_joins),
    ("extract_leaf_expressions", has_leaves),
];

/// Behind the corrections of these rules.
///
/// # Errors
/// As [`position`].
pub(crate) fn install(builder: &mut SessionStateBuilder) -> Result<()> {
    let rules = &mut builder.optimizer().get_or_insert_with(Optimizer::new).rules;
    RULES.iter().try_for_each(|(name, has_work)| {
        let at = position(rules, name)?;
        rules[at] = Arc::new(RunWhereNeeded { host: Arc::clone(&rules[at]), has_work: *has_work });
        Ok(())
    })
}

#[derive(Debug)]
struct RunWhereNeeded {
    host: Rule,
    has_work: HasWork,
}

impl OptimizerRule for RunWhereNeeded {
    fn name(&self) -> &str {
        self.host.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.host.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> HostResult<Transformed<LogicalPlan>> {
        match (self.has_work)(&plan)? {
            true => self.host.rewrite(plan, config),
            false => Ok(Transformed::no(plan)),
        }
    }
}

/// `= ANY (SELECT ...)`.
fn compares_with_sets(plan: &LogicalPlan) -> HostResult<bool> {
    has_expression(plan, &|e| matches!(e, Expr::SetComparison(_)))
}

/// Anything but columns, under whatever names.
fn computes(node: &LogicalPlan) -> HostResult<bool> {
    let is_column = |expr: &Expr| match expr {
        Expr::Alias(alias) => matches!(alias.expr.as_ref(), Expr::Column(_)),
        other => matches!(other, Expr::Column(_)),
    };
    any_expression(node, |expr| !is_column(expr))
}

/// Functions that are cheap enough to be computed by the scan, as fields of structs are.
fn has_leaves(plan: &LogicalPlan) -> HostResult<bool> {
    let leaf = ExpressionPlacement::MoveTowardsLeafNodes;
    has_expression(plan, &|e| matches!(e, Expr::ScalarFunction(_)) && e.placement() == leaf)
}

/// Whether any expression of the plan, subqueries included, is `wanted`; each is looked at once.
fn has_expression(plan: &LogicalPlan, wanted: &dyn Fn(&Expr) -> bool) -> HostResult<bool> {
    let mut found = false;
    plan.apply(|node| {
        found = any_expression(node, |expr| {
            let is_or_has = |e: &Expr| match subquery(e) {
                Some(inside) => Ok(wanted(e) || has_expression(inside, wanted)?),
                None => Ok(wanted(e)),
            };
            expr.exists(is_or_has).unwrap_or(true)
        })?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn subquery(expr: &Expr) -> Option<&LogicalPlan> {
    match expr {
        Expr::Exists(exists) => Some(&exists.subquery.subquery),
        Expr::InSubquery(within) => Some(&within.subquery.subquery),
        Expr::SetComparison(comparison) => Some(&comparison.subquery.subquery),
        Expr::ScalarSubquery(value) => Some(&value.subquery),
        _ => None,
    }
}

/// A key that is written twice, or a sort key that others may determine.
fn may_repeat_keys(node: &LogicalPlan) -> HostResult<bool> {
    Ok(match node {
        LogicalPlan::Sort(Sort { expr, input, .. }) => {
            !input.schema().functional_dependencies().is_empty() || has_equal(expr.iter().map(|key| &key.expr))
        }
        LogicalPlan::Aggregate(Aggregate { group_expr, .. }) => has_equal(group_expr.iter()),
        _ => false,
    })
}

fn has_equal<'a>(exprs: impl Iterator<Item = &'a Expr>) -> bool {
    let mut seen = HashSet::new();
    !{ exprs }.all(|expr| seen.insert(expr))
}

/// The rule takes inner joins apart and joins their inputs from the left, each with the next that has a key. Where they
/// are so already, and nothing above or in them may have one more key, it makes the same again.
fn may_reorder_joins(plan: &LogicalPlan) -> HostResult<bool> {
    any_node(plan, |node| {
        Ok(match node {
            LogicalPlan::Filter(filter) => is_inner_join(&filter.input),
            LogicalPlan::Join(join) if join.join_type == JoinType::Inner => !is_as_made(join),
            _ => false,
        })
    })
}

fn is_inner_join(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Join(join) if join.join_type == JoinType::Inner)
}

fn is_as_made(join: &Join) -> bool {
    !join.on.is_empty()
        && join.filter.is_none()
        && join.join_constraint == JoinConstraint::On
        && !join.null_aware
        && !is_inner_join(&join.right)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    const TABLES: [&str; 3] = [
        "CREATE TABLE a AS SELECT * FROM (VALUES (1, 2, struct(3 AS s))) v(x, y, z)",
        "CREATE TABLE b AS SELECT * FROM (VALUES (1, 2)) v(x, y)",
        "CREATE TABLE c AS SELECT * FROM (VALUES (1, 2)) v(x, y)",
    ];

    const QUERIES: [&str; 16] = [
        "SELECT a.y FROM a JOIN b ON a.x = b.x JOIN c ON b.y = c.y",
        "SELECT a.y FROM a JOIN (b JOIN c ON b.y = c.y) ON a.x = c.x",
        "SELECT a.y FROM a, b, c WHERE a.x = c.x AND c.y = b.y AND a.y > 1",
        "SELECT a.y FROM a CROSS JOIN b JOIN c ON a.x = c.x AND b.x = c.y",
        "SELECT a.y FROM a JOIN b ON a.x = b.x AND a.y < b.y JOIN c ON a.x = c.x WHERE b.y = c.y",
        "SELECT a.y FROM a, b WHERE (a.x = b.x AND a.y = 1) OR (a.x = b.x AND b.y = 2)",
        "SELECT a.y FROM a WHERE a.x IN (SELECT b.x FROM b, c WHERE b.y = c.y)",
        "SELECT a.y FROM a JOIN b USING (x) JOIN c USING (x)",
        "SELECT a.y FROM a LEFT JOIN (SELECT b.x FROM b, c WHERE b.x = c.x) d ON a.x = d.x",
        "SELECT x FROM a WHERE x = ANY (SELECT b.x FROM b)",
        "SELECT x FROM a WHERE y IN (SELECT b.y FROM b WHERE b.x > ALL (SELECT c.x FROM c))",
        "SELECT x, y FROM b ORDER BY x, y, x DESC",
        "SELECT x, count(*) FROM b GROUP BY x, y, x ORDER BY x, count(*)",
        "SELECT DISTINCT x FROM (SELECT x, y FROM b GROUP BY x, y) ORDER BY x",
        "SELECT z['s'] FROM a WHERE z['s'] > 1 ORDER BY x",
        "SELECT x AS u, 1 + 2 AS v FROM a WHERE 1 < 2 AND x = x + 0",
    ];

    /// What is left out would have changed nothing.
    #[tokio::test]
    async fn plans_are_those_of_every_rule() {
        let builder = || SessionStateBuilder::new().with_default_features();
        let every_rule = SessionContext::new_with_state(builder().build());
        let mut builder = builder();
        install(&mut builder).unwrap();
        let where_needed = SessionContext::new_with_state(builder.build());
        for table in TABLES {
            every_rule.sql(table).await.unwrap().collect().await.unwrap();
            where_needed.sql(table).await.unwrap().collect().await.unwrap();
        }
        for query in QUERIES {
            let expected = optimized(&every_rule, query).await;
            assert_eq!(optimized(&where_needed, query).await, expected, "{query}");
        }
    }

    async fn optimized(context: &SessionContext, query: &str) -> String {
        let state = context.state();
        let plan = state.create_logical_plan(query).await.unwrap();
        state.optimize(&plan).unwrap().display_indent_schema().to_string()
    }
}
