//! What a subquery is worth for each outer row, in three-valued logic, over columns of relations joined to the outer rows.

use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::{array_agg, count, max, min};
use datafusion::logical_expr::expr::SetQuantifier;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit, when};

use super::dependent::Independent;
use super::host;
use super::joins::{Outer, named};
use super::single_row;

/// Whether the subquery has rows.
pub(super) fn exists(outer: &mut Outer<'_>, subquery: &Subquery) -> Result<Expr> {
    let detached = outer.detach(subquery)?;
    if !detached.has_keys() {
        let first = LogicalPlanBuilder::from(detached.plan.clone()).limit(0, Some(1))?;
        if host::references(&detached.plan).is_empty() {
            let counted = first.aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64))])?.build()?.into();
            let counted = Subquery { subquery: counted, outer_ref_columns: vec![], spans: subquery.spans.clone() };
            return Ok(Expr::ScalarSubquery(counted).gt(lit(0_i64)));
        }
        // It looks at the rows of a query further out: as a join it is in the sight of that one.
        let rows = outer.names.next("rows");
        outer.join_one(aggregated(&detached, vec![count(lit(1_i64)).alias(&rows)])?, Vec::new())?;
        return Ok(named(&rows).gt(lit(0_i64)));
    }
    let flag = outer.names.next("found");
    let (relation, keys) = flagged(outer, &detached, vec![], &flag)?;
    outer.join_one(relation, keys)?;
    Ok(named(&flag).is_not_null())
}

/// The value of the subquery's only row, NULL where it has none; more than one is an error where the value is needed.
pub(super) fn scalar(outer: &mut Outer<'_>, subquery: &Subquery) -> Result<Expr> {
    let detached = outer.detach(subquery)?;
    let value = outer.names.next("scalar");
    if detached.has_keys() && at_most_one_row(&subquery.subquery) {
        let mut columns = detached.key_columns();
        columns.push(detached.column(0).alias(&value));
        let relation = LogicalPlanBuilder::from(detached.plan.clone()).project(columns)?.build()?;
        outer.join_one(relation, detached.keys())?;
        return Ok(named(&value));
    }
    let relation = aggregated(&detached, vec![array_agg(detached.column(0)).alias(&value)])?;
    outer.join_one(relation, detached.keys())?;
    Ok(single_row::only(named(&value)))
}

/// `value IN (subquery)`.
pub(super) fn is_in(outer: &mut Outer<'_>, value: Expr, subquery: &Subquery) -> Result<Expr> {
    let detached = outer.detach(subquery)?;
    let (rows, known) = (outer.names.next("rows"), outer.names.next("known"));
    let counts = vec![count(lit(1_i64)).alias(&rows), count(detached.column(0)).alias(&known)];
    outer.join_one(aggregated(&detached, counts)?, detached.keys())?;

    let value = outer.as_column(value)?;
    // NULL equals NULL among the keys of the join: those of the subquery are left out.
    let (candidate, flag) = (outer.names.next("candidate"), outer.names.next("found"));
    let not_null = LogicalPlanBuilder::from(detached.plan.clone()).filter(detached.column(0).is_not_null())?.build()?;
    let candidates = detached.with_plan(not_null);
    let (candidates, mut keys) = flagged(outer, &candidates, vec![detached.column(0).alias(&candidate)], &flag)?;
    keys.push((value.clone(), named(&candidate)));
    outer.join_one(candidates, keys)?;

    when(named(&flag).is_not_null(), lit(true))
        .when(is_empty(&rows), lit(false))
        .when(value.is_null().or(named(&known).lt(named(&rows))), unknown())
        .otherwise(lit(false))
}

/// `value op ANY (subquery)` and `value op ALL (subquery)`: the least and the largest value decide, but for `= ANY` and `<> ALL`,
/// which are IN and NOT IN.
pub(super) fn compare(
    outer: &mut Outer<'_>,
    value: Expr,
    op: Operator,
    quantifier: &SetQuantifier,
    subquery: &Subquery,
) -> Result<Expr> {
    let is_any = matches!(quantifier, SetQuantifier::Any);
    match op {
        Operator::Eq if is_any => return is_in(outer, value, subquery),
        Operator::NotEq if !is_any => return Ok(!is_in(outer, value, subquery)?),
        _ => {}
    }
    let detached = outer.detach(subquery)?;
    let [rows, known, least, largest] = ["rows", "known", "least", "largest"].map(|what| outer.names.next(what));
    let column = detached.column(0);
    let aggregates = vec![
        count(lit(1_i64)).alias(&rows),
        count(column.clone()).alias(&known),
        min(column.clone()).alias(&least),
        max(column).alias(&largest),
    ];
    outer.join_one(aggregated(&detached, aggregates)?, detached.keys())?;
    let (least, largest) = (named(&least), named(&largest));
    let decided = match (op, is_any) {
        (Operator::Gt | Operator::GtEq, true) | (Operator::Lt | Operator::LtEq, false) => {
            datafusion::logical_expr::binary_expr(value.clone(), op, least)
        }
        (Operator::Gt | Operator::GtEq, false) | (Operator::Lt | Operator::LtEq, true) => {
            datafusion::logical_expr::binary_expr(value.clone(), op, largest)
        }
        (Operator::NotEq, true) => value.clone().not_eq(least).or(value.clone().not_eq(largest)),
        (Operator::Eq, false) => value.clone().eq(least).and(value.clone().eq(largest)),
        _ => return datafusion::common::not_impl_err!("{op} ANY or ALL of a subquery is not supported"),
    };
    let decides = if is_any { decided } else { !decided };
    when(is_empty(&rows), lit(!is_any))
        .when(decides, lit(is_any))
        .when(value.is_null().or(named(&known).lt(named(&rows))), unknown())
        .otherwise(lit(!is_any))
}

fn unknown() -> Expr {
    lit(ScalarValue::Boolean(None))
}

/// No row of the subquery was joined, or one that counts none.
fn is_empty(rows: &str) -> Expr {
    named(rows).is_null().or(named(rows).eq(lit(0_i64)))
}

/// One row for each different value of the keys and `columns`, with `flag`, which is never NULL; and the keys, whose columns have
/// names of their own.
fn flagged(
    outer: &Outer<'_>,
    detached: &Independent,
    columns: Vec<Expr>,
    flag: &str,
) -> Result<(LogicalPlan, Vec<(Expr, Expr)>)> {
    let mut keys = Vec::new();
    let mut kept = Vec::new();
    for (expr, column) in detached.keys() {
        let name = outer.names.next("outer");
        kept.push(column.alias(&name));
        keys.push((expr, named(&name)));
    }
    kept.extend(columns);
    let distinct = LogicalPlanBuilder::from(detached.plan.clone()).project(kept)?.distinct()?;
    let mut columns: Vec<Expr> = distinct.schema().columns().into_iter().map(Expr::Column).collect();
    columns.push(lit(true).alias(flag));
    Ok((distinct.project(columns)?.build()?, keys))
}

/// `aggregates` over the rows of the subquery for each value of the keys.
fn aggregated(detached: &Independent, aggregates: Vec<Expr>) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(detached.plan.clone()).aggregate(detached.key_columns(), aggregates)?.build()
}

/// Whether a plan cannot give a second row for one outer row.
fn at_most_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => at_most_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => at_most_one_row(&alias.input),
        LogicalPlan::Filter(filter) => at_most_one_row(&filter.input),
        LogicalPlan::Sort(sort) => sort.fetch.is_some_and(|fetch| fetch <= 1) || at_most_one_row(&sort.input),
        LogicalPlan::Window(window) => at_most_one_row(&window.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Values(values) => values.values.len() <= 1,
        LogicalPlan::Limit(limit) => {
            let fetch = limit.get_fetch_type();
            matches!(fetch, Ok(datafusion::logical_expr::FetchType::Literal(Some(0 | 1))))
                || at_most_one_row(&limit.input)
        }
        _ => false,
    }
}
