//! Which subqueries the host's joins answer rightly: they are left to it, since its semi, anti and left joins are the fastest
//! plans there are.

use std::sync::Arc;

use datafusion::common::DFSchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::utils::{split_binary, split_conjunction};
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, JoinType, LogicalPlan, Operator, Projection, Subquery};

use super::is_subquery;
use super::joins::Names;

/// Whether `conjunct`, one condition of a WHERE, may go to the host as it is.
pub(super) fn answers_in_filter(conjunct: &Expr, outer: &DFSchemaRef) -> bool {
    match conjunct {
        // NULL and false are one under WHERE, and stay one under AND and OR.
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
            answers_in_filter(left, outer) && answers_in_filter(right, outer)
        }
        Expr::Not(inner) => match &**inner {
            Expr::Exists(Exists { subquery, .. }) => lifts_conditions(subquery, outer),
            _ => answers_anywhere(conjunct, outer),
        },
        Expr::Exists(Exists { subquery, .. }) => lifts_conditions(subquery, outer),
        Expr::InSubquery(InSubquery { subquery, negated: false, .. }) => {
            is_alone(conjunct) && lifts_conditions(subquery, outer)
        }
        other => answers_anywhere(other, outer),
    }
}

/// A NOT IN that stands by itself under WHERE, whose subquery is independent and whose left side comes from the rows: the host
/// has an anti join that knows NULL.
pub(super) fn answers_not_in(conjunct: &Expr) -> bool {
    let Expr::InSubquery(InSubquery { expr, subquery, negated: true }) = conjunct else { return false };
    is_alone(conjunct) && matches!(**expr, Expr::Column(_)) && references(&subquery.subquery).is_empty()
}

/// Whether all subqueries of `expr` are scalar ones that the host answers in any place.
pub(super) fn answers_anywhere(expr: &Expr, outer: &DFSchemaRef) -> bool {
    let mut is_answered = true;
    let looked = expr.apply(|e| {
        is_answered = match e {
            Expr::ScalarSubquery(subquery) => answers_scalar(subquery, outer),
            other => !is_subquery(other),
        };
        Ok(if is_answered { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    looked.is_ok() && is_answered
}

/// A scalar subquery that is independent, or one aggregate over rows that are chosen by `column = outer`. The host takes a
/// subquery over a NOT NULL column for a value that is never NULL; it is where there is no row. A column that an outer join
/// alone makes nullable is NOT NULL again once the optimizer has made that an inner join.
pub(super) fn answers_scalar(subquery: &Subquery, outer: &DFSchemaRef) -> bool {
    let plan = &*subquery.subquery;
    if plan.schema().fields().len() != 1 {
        return true;
    }
    if references(plan).is_empty() {
        return gives_one_row(plan) || (plan.schema().field(0).is_nullable() && !has_outer_join(plan));
    }
    let mut top = plan;
    while let LogicalPlan::Projection(projection) = top {
        if has_reference(top) || renames(projection) {
            return false;
        }
        top = &projection.input;
    }
    let LogicalPlan::Aggregate(aggregate) = top else { return false };
    aggregate.group_expr.is_empty()
        && !has_reference(top)
        && has_conditions_only(&aggregate.input, &is_equality)
        && is_of(plan, outer)
}

fn has_outer_join(plan: &LogicalPlan) -> bool {
    let is_outer = |node: &LogicalPlan| {
        matches!(node, LogicalPlan::Join(join)
            if matches!(join.join_type, JoinType::Left | JoinType::Right | JoinType::Full))
    };
    plan.exists(|node| Ok(is_outer(node))).unwrap_or(true)
}

/// Whether `plan` gives one row whatever it reads.
fn gives_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => gives_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => gives_one_row(&alias.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(empty) => empty.produce_one_row,
        _ => false,
    }
}

/// `conjunct`, in whose subqueries no cast has the name of the column that it casts, and each column is an expression: the host's
/// joins need a name for the one, and the other, which VALUES have not.
pub(super) fn named_apart(conjunct: Expr, names: &Names) -> Result<Expr> {
    let is_cast = |e: &Expr| matches!(e, Expr::Cast(_) | Expr::TryCast(_));
    let name = |e: Expr| e.alias(names.next("value"));
    let apart = |subquery: Subquery| -> Result<Subquery> {
        let plan = &subquery.subquery;
        let projection = match &**plan {
            LogicalPlan::Projection(projection) if projection.expr.iter().any(is_cast) => {
                let named = projection.expr.iter().cloned().map(|e| if is_cast(&e) { name(e) } else { e });
                Projection::try_new(named.collect(), Arc::clone(&projection.input))?
            }
            LogicalPlan::Values(values) => {
                let columns = values.schema.columns().into_iter().map(|column| name(Expr::Column(column)));
                Projection::try_new(columns.collect(), Arc::clone(plan))?
            }
            _ => return Ok(subquery),
        };
        Ok(Subquery { subquery: Arc::new(LogicalPlan::Projection(projection)), ..subquery })
    };
    let named = conjunct.transform_up(|e| match e {
        Expr::InSubquery(is_in) => {
            let subquery = apart(is_in.subquery)?;
            Ok(Transformed::yes(Expr::InSubquery(InSubquery { subquery, ..is_in })))
        }
        Expr::Exists(exists) => {
            let subquery = apart(exists.subquery)?;
            Ok(Transformed::yes(Expr::Exists(Exists { subquery, ..exists })))
        }
        other => Ok(Transformed::no(other)),
    });
    named.data()
}

/// Nothing but the subquery is a subquery, its left side neither.
fn is_alone(expr: &Expr) -> bool {
    let mut count = 0;
    let counted = expr.apply(|e| {
        count += usize::from(is_subquery(e));
        Ok(TreeNodeRecursion::Continue)
    });
    counted.is_ok() && count == 1
}

/// Whether all that `subquery` takes from the outer rows stands in conditions that can be those of a join.
fn lifts_conditions(subquery: &Subquery, outer: &DFSchemaRef) -> bool {
    let plan = &*subquery.subquery;
    references(plan).is_empty() || has_conditions_only(plan, &|_| true) && is_of(plan, outer)
}

fn has_conditions_only(plan: &LogicalPlan, is_liftable: &dyn Fn(&Expr) -> bool) -> bool {
    let below = |child: &LogicalPlan| has_conditions_only(child, is_liftable);
    match plan {
        _ if references(plan).is_empty() => true,
        LogicalPlan::Filter(filter) => {
            let of_outer = |e: &&Expr| e.contains_outer();
            let conditions = split_conjunction(&filter.predicate);
            let is_plain = |e: &Expr| !e.exists(|e| Ok(is_subquery(e))).unwrap_or(true);
            conditions.into_iter().filter(of_outer).all(|e| is_plain(e) && is_liftable(e)) && below(&filter.input)
        }
        _ if has_reference(plan) => false,
        LogicalPlan::Projection(projection) => !renames(projection) && below(&projection.input),
        // The host takes a column below a name for the one above that is called so: there may be none, or another.
        LogicalPlan::SubqueryAlias(_) => false,
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner => below(&join.left) && below(&join.right),
        _ => false,
    }
}

/// Whether something is called like a column that a condition on the outer rows looks at: the host puts that column beside it.
fn renames(projection: &Projection) -> bool {
    projection.expr.iter().any(|expr| match expr {
        Expr::Alias(alias) => has_condition_on(&projection.input, &alias.name),
        _ => false,
    })
}

fn has_condition_on(plan: &LogicalPlan, name: &str) -> bool {
    let looks_at = |condition: &Expr| {
        condition.contains_outer() && condition.column_refs().into_iter().any(|column| column.name == name)
    };
    let has_one = |node: &LogicalPlan| matches!(node, LogicalPlan::Filter(filter) if split_conjunction(&filter.predicate).into_iter().any(looks_at));
    plan.exists(|node| Ok(has_one(node))).unwrap_or(true)
}

fn is_equality(condition: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else { return is_common(condition) };
    let is_inner = |e: &Expr| match e {
        Expr::Column(_) => true,
        Expr::Cast(Cast { expr, .. }) => matches!(**expr, Expr::Column(_)),
        _ => false,
    };
    is_inner(left) && !right.any_column_refs() || is_inner(right) && !left.any_column_refs()
}

/// An OR whose branches have the same equalities, and nothing else of the outer rows: the host takes them out of it.
fn is_common(condition: &Expr) -> bool {
    if !matches!(condition, Expr::BinaryExpr(BinaryExpr { op: Operator::Or, .. })) {
        return false;
    }
    let branches = split_binary(condition, Operator::Or).into_iter().map(split_conjunction);
    let of_outer = branches.map(|branch| branch.into_iter().filter(|e| e.contains_outer()).collect::<Vec<_>>());
    let of_outer: Vec<Vec<&Expr>> = of_outer.collect();
    let Some((first, others)) = of_outer.split_first() else { return false };
    first.iter().all(|e| is_equality(e)) && others.iter().all(|branch| branch == first)
}

/// Whether the node itself, apart from its inputs, takes something from outside.
pub(super) fn has_reference(node: &LogicalPlan) -> bool {
    node.contains_outer_reference()
}

/// What `plan` takes from outside, nested subqueries apart: those that are left in it look at its own rows only.
pub(super) fn references(plan: &LogicalPlan) -> Vec<Expr> {
    plan.all_out_ref_exprs()
}

/// Whether all that `plan` takes from outside is `outer`'s, and nothing that of a query further out.
fn is_of(plan: &LogicalPlan, outer: &DFSchemaRef) -> bool {
    references(plan).iter().all(|e| match e {
        Expr::OuterReferenceColumn(_, column) => outer.has_column(column),
        _ => false,
    })
}
