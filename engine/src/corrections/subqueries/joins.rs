//! The outer rows of a query with the relations that its subqueries became joined to them.

use std::cell::Cell;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef, NullEquality};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{Expr, Join, JoinConstraint, JoinType, LogicalPlan, LogicalPlanBuilder, Subquery};

use super::dependent::{Domain, Independent, independent};
use super::{host, is_subquery, values};

/// Makes names for the columns of joined relations: no query has them, and each is given once.
#[derive(Default)]
pub(super) struct Names(Cell<usize>);

impl Names {
    pub(super) fn next(&self, what: &str) -> String {
        let number = self.0.get() + 1;
        self.0.set(number);
        format!("__{what}_{number}")
    }
}

/// A column of a joined relation, by the name that [`Names`] gave it.
pub(super) fn named(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// The rows that subqueries are evaluated for.
pub(super) struct Outer<'a> {
    plan: LogicalPlan,
    pub(super) names: &'a Names,
    is_changed: bool,
    /// Whether the host has a left join for a correlated scalar subquery in the node over these rows.
    host_joins: bool,
}

impl<'a> Outer<'a> {
    pub(super) fn new(plan: LogicalPlan, names: &'a Names) -> Self {
        Self { plan, names, is_changed: false, host_joins: true }
    }

    /// The same, under a node that the host joins no subqueries for.
    pub(super) fn without_host_joins(self) -> Self {
        Self { host_joins: false, ..self }
    }

    pub(super) fn schema(&self) -> &DFSchemaRef {
        self.plan.schema()
    }

    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    pub(super) fn into_plan(self) -> LogicalPlan {
        self.plan
    }

    /// `expr` with every subquery that the host does not answer in any place as an expression over joined columns.
    pub(super) fn replace(&mut self, expr: Expr) -> Result<Expr> {
        let replaced = expr.transform_down(|e| {
            let new = match e {
                Expr::ScalarSubquery(subquery) if self.leaves_to_host(&subquery) => {
                    return Ok(Transformed::new(Expr::ScalarSubquery(subquery), false, TreeNodeRecursion::Jump));
                }
                Expr::ScalarSubquery(subquery) => values::scalar(self, &subquery)?,
                Expr::Exists(Exists { subquery, negated }) => {
                    let exists = values::exists(self, &subquery)?;
                    if negated { !exists } else { exists }
                }
                Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                    let value = self.replace(*expr)?;
                    let is_in = values::is_in(self, value, &subquery)?;
                    if negated { !is_in } else { is_in }
                }
                Expr::SetComparison(comparison) => {
                    let value = self.replace(*comparison.expr)?;
                    values::compare(self, value, comparison.op, &comparison.quantifier, &comparison.subquery)?
                }
                other => return Ok(Transformed::no(other)),
            };
            Ok(Transformed::new(new, true, TreeNodeRecursion::Jump))
        });
        replaced.data()
    }

    fn leaves_to_host(&self, subquery: &Subquery) -> bool {
        let is_correlated = !host::references(&subquery.subquery).is_empty();
        (self.host_joins || !is_correlated) && host::answers_scalar(subquery, self.plan.schema())
    }

    /// As [`Self::replace`], with the value computed in a column of its own.
    pub(super) fn replace_as_column(&mut self, expr: Expr) -> Result<Expr> {
        let value = self.replace(expr)?;
        self.as_column(value)
    }

    /// `value` as a column of the outer rows.
    pub(super) fn as_column(&mut self, value: Expr) -> Result<Expr> {
        if matches!(value, Expr::Column(_)) {
            return Ok(value);
        }
        let name = self.names.next("value");
        let mut columns: Vec<Expr> = self.plan.schema().columns().into_iter().map(Expr::Column).collect();
        columns.push(value.alias(&name));
        self.plan = LogicalPlanBuilder::from(self.plan.clone()).project(columns)?.build()?;
        self.is_changed = true;
        Ok(named(&name))
    }

    /// Whether all that the subquery `expr` takes from its rows is here.
    pub(super) fn holds(&self, expr: &Expr) -> Result<bool> {
        let mut is_here = true;
        expr.apply(|e| {
            match e {
                Expr::Column(column) => is_here &= self.plan.schema().has_column(column),
                e if is_subquery(e) => {
                    for reference in plan_of(e).map(host::references).unwrap_or_default() {
                        if let Expr::OuterReferenceColumn(_, column) = reference {
                            is_here &= self.plan.schema().has_column(&column);
                        }
                    }
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(is_here)
    }

    /// The plan of `subquery` with no look at these rows left in it.
    pub(super) fn detach(&self, subquery: &Subquery) -> Result<Independent> {
        let domain = Domain::of(&self.plan, &subquery.subquery, self.names)?;
        independent((*subquery.subquery).clone(), domain.as_ref(), self.names)
    }

    /// Joins a relation that has at most one row for each of the outer ones. `keys` are pairs of an outer expression and a
    /// column of the relation; NULL equals NULL. Without keys the relation has exactly one row.
    pub(super) fn join_one(&mut self, relation: LogicalPlan, keys: Vec<(Expr, Expr)>) -> Result<()> {
        let join_type = if keys.is_empty() { JoinType::Inner } else { JoinType::Left };
        self.plan = join(self.plan.clone(), relation, keys, None, join_type)?;
        self.is_changed = true;
        Ok(())
    }
}

/// `left` and `right` joined where the keys are not distinct; a join without keys may get some later, of the plain kind.
pub(super) fn join(
    left: LogicalPlan,
    right: LogicalPlan,
    keys: Vec<(Expr, Expr)>,
    filter: Option<Expr>,
    join_type: JoinType,
) -> Result<LogicalPlan> {
    let null_equality = if keys.is_empty() { NullEquality::NullEqualsNothing } else { NullEquality::NullEqualsNull };
    Ok(LogicalPlan::Join(Join::try_new(
        Arc::new(left),
        Arc::new(right),
        keys,
        filter,
        join_type,
        JoinConstraint::On,
        null_equality,
        false,
    )?))
}

fn plan_of(expr: &Expr) -> Option<&LogicalPlan> {
    match expr {
        Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. })
        | Expr::ScalarSubquery(subquery) => Some(&subquery.subquery),
        Expr::SetComparison(comparison) => Some(&comparison.subquery.subquery),
        _ => None,
    }
}
