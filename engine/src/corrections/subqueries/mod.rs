//! Fault: DataFusion 55.2 has joins for the plain subqueries only. NOT IN forgets NULL with a constant on the left, a correlated
//! subquery, inside OR, NOT and CASE (apache/datafusion#10583, #16603 and their like); ANY and ALL are answered as if
//! comparisons knew no NULL; EXISTS and IN in a select list, and correlated subqueries by `<`, with LIMIT, a window, an outer
//! join or a union, fail with names that no user wrote.
//!
//! Correction: every subquery that the host's joins do not answer rightly ([`host`]) becomes a join of ours, before the host's
//! optimizer sees it: its plan is made independent of the outer rows ([`dependent`]), aggregated, and joined with them; three-valued
//! logic is spelled out over the joined columns ([`values`]). Test: `tests/sqllogictest/slt/filter/subquery_logic.slt`.
//!
//! Not here: subqueries in FROM, but for LATERAL ([`lateral`]).

mod dependent;
mod host;
mod joins;
mod lateral;
mod operators;
mod single_row;
mod sorts;
mod values;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Filter, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, Sort};
use datafusion::optimizer::{Analyzer, AnalyzerRule};

use joins::{Names, Outer};

pub(super) fn install(builder: &mut SessionStateBuilder) {
    // Last, where types are coerced, and before the host's check of what its own joins can do.
    builder.analyzer().get_or_insert_with(Analyzer::new).rules.push(Arc::new(SubqueriesAsJoins));
}

#[derive(Debug)]
struct SubqueriesAsJoins;

impl AnalyzerRule for SubqueriesAsJoins {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        if !plan.exists(|node| Ok(has_subquery(node) || matches!(node, LogicalPlan::Subquery(_))))? {
            return Ok(plan);
        }
        rewrite(plan, &Names::default())
    }

    fn name(&self) -> &'static str {
        "maar_subqueries"
    }
}

fn is_subquery(expr: &Expr) -> bool {
    matches!(expr, Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) | Expr::ScalarSubquery(_))
}

fn has_subquery(node: &LogicalPlan) -> bool {
    let mut found = false;
    let looked = node.apply_expressions(|expr| {
        found = found || expr.exists(|e| Ok(is_subquery(e)))?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    looked.is_err() || found
}

/// `plan` with our joins in the place of the subqueries that are ours, from the innermost outwards.
fn rewrite(plan: LogicalPlan, names: &Names) -> Result<LogicalPlan> {
    let plan = plan.map_children(|child| rewrite(child, names).map(Transformed::yes))?.data;
    if let LogicalPlan::Join(join) = &plan
        && let Some(joined) = lateral::as_join(join, names)?
    {
        return Ok(joined);
    }
    if !has_subquery(&plan) {
        return Ok(plan);
    }
    let plan = plan.map_subqueries(|subquery| rewrite(subquery, names).map(Transformed::yes))?.data;
    match plan {
        LogicalPlan::Filter(filter) => in_filter(filter, names),
        LogicalPlan::Join(join) => in_join(join, names),
        LogicalPlan::Projection(projection) => in_projection(projection, names),
        LogicalPlan::Sort(sort) => in_sort(sort, names),
        node @ (LogicalPlan::Aggregate(_) | LogicalPlan::Window(_)) => in_other(node, names),
        other => Ok(other),
    }
}

fn in_filter(filter: Filter, names: &Names) -> Result<LogicalPlan> {
    let columns = filter.input.schema().columns();
    let mut outer = Outer::new(Arc::unwrap_or_clone(filter.input), names);
    let mut conjuncts = Vec::new();
    for conjunct in split_conjunction_owned(filter.predicate) {
        let conjunct = without_outer_not(conjunct);
        let is_answered = host::answers_not_in(&conjunct) || host::answers_in_filter(&conjunct, outer.schema());
        conjuncts.push(if is_answered { host::named_apart(conjunct, names)? } else { outer.replace(conjunct)? });
    }
    let Some(predicate) = conjunction(conjuncts) else { return Ok(outer.into_plan()) };
    let is_changed = outer.is_changed();
    let filtered = LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(outer.into_plan()))?);
    if !is_changed {
        return Ok(filtered);
    }
    LogicalPlanBuilder::from(filtered).project(columns.into_iter().map(Expr::Column))?.build()
}

/// `NOT (x IN ...)` as `x NOT IN ...`.
fn without_outer_not(conjunct: Expr) -> Expr {
    match conjunct {
        Expr::Not(inner) => match *inner {
            Expr::InSubquery(is_in) => Expr::InSubquery(InSubquery { negated: !is_in.negated, ..is_in }),
            other => Expr::Not(Box::new(other)),
        },
        other => other,
    }
}

fn in_projection(projection: Projection, names: &Names) -> Result<LogicalPlan> {
    let plan = LogicalPlan::Projection(projection.clone());
    let preserver = NamePreserver::new(&plan);
    let mut outer = Outer::new(Arc::unwrap_or_clone(projection.input), names);
    let replaced = projection.expr.into_iter().map(|expr| {
        let name = preserver.save(&expr);
        Ok(name.restore(outer.replace(expr)?))
    });
    let replaced = replaced.collect::<Result<Vec<_>>>()?;
    Ok(LogicalPlan::Projection(Projection::try_new(replaced, Arc::new(outer.into_plan()))?))
}

/// An inner join is a filter over its inputs. In an outer join a subquery over one side is computed on that side.
fn in_join(join: Join, names: &Names) -> Result<LogicalPlan> {
    let Some(condition) = join.filter.clone().filter(|filter| filter.exists(|e| Ok(is_subquery(e))).unwrap_or(true))
    else {
        return Ok(LogicalPlan::Join(join));
    };
    if join.join_type == JoinType::Inner {
        let (ours, plain): (Vec<_>, Vec<_>) = split_conjunction_owned(condition)
            .into_iter()
            .partition(|e| e.exists(|e| Ok(is_subquery(e))).unwrap_or(true));
        let joined = LogicalPlan::Join(Join { filter: conjunction(plain), ..join });
        let Some(predicate) = conjunction(ours) else { return Ok(joined) };
        return in_filter(Filter::try_new(predicate, Arc::new(joined))?, names);
    }
    let columns = join.schema.columns();
    let mut left = Outer::new(Arc::unwrap_or_clone(join.left), names).without_host_joins();
    let mut right = Outer::new(Arc::unwrap_or_clone(join.right), names).without_host_joins();
    let replaced = condition.transform_down(|e| {
        if !is_subquery(&e) {
            return Ok(Transformed::no(e));
        }
        let side = if left.holds(&e)? {
            &mut left
        } else if right.holds(&e)? {
            &mut right
        } else {
            return datafusion::common::not_impl_err!(
                "a subquery in the ON of an outer join that looks at both sides is not supported"
            );
        };
        Ok(Transformed::new(side.replace_as_column(e)?, true, TreeNodeRecursion::Jump))
    })?;
    let joined = Join::try_new(
        Arc::new(left.into_plan()),
        Arc::new(right.into_plan()),
        join.on,
        Some(replaced.data),
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?;
    LogicalPlanBuilder::from(LogicalPlan::Join(joined)).project(columns.into_iter().map(Expr::Column))?.build()
}

fn in_sort(sort: Sort, names: &Names) -> Result<LogicalPlan> {
    let (sort, columns) = sorts::carrying(sort, names)?;
    let sorted = in_other(LogicalPlan::Sort(sort), names)?;
    if sorted.schema().fields().len() == columns.len() {
        return Ok(sorted);
    }
    LogicalPlanBuilder::from(sorted).project(columns)?.build()
}

/// A node that has one input and does not care for columns that it does not name.
fn in_other(node: LogicalPlan, names: &Names) -> Result<LogicalPlan> {
    let columns = node.schema().columns();
    let preserver = NamePreserver::new_for_projection();
    let mut outer = Outer::new(node.inputs()[0].clone(), names).without_host_joins();
    let is_sort = matches!(node, LogicalPlan::Sort(_));
    let mut replaced = Vec::new();
    let mut is_changed = false;
    for expr in node.expressions() {
        let name = preserver.save(&expr);
        let new = outer.replace(expr.clone())?;
        is_changed |= new != expr;
        replaced.push(if is_sort || new == expr { new } else { name.restore(new) });
    }
    if !is_changed {
        return Ok(node);
    }
    let rebuilt = node.with_new_exprs(replaced, vec![outer.into_plan()])?;
    if rebuilt.schema().fields().len() == columns.len() {
        return Ok(rebuilt);
    }
    LogicalPlanBuilder::from(rebuilt).project(columns.into_iter().map(Expr::Column))?.build()
}
