//! Groups of intervals that are equally long: lengths are the keys, and each group shows the least of its intervals. DISTINCT
//! and DISTINCT ON are groups too.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::error::Result;
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Aggregate, Distinct, DistinctOn, Expr, GroupingSet, LogicalPlan, Projection, when};

use super::extremes::least;
use super::keys::is_interval;
use super::length::length;

/// `aggregate`, grouped by lengths.
pub(super) fn of_aggregate(aggregate: Aggregate) -> Result<LogicalPlan> {
    let input = aggregate.input.schema();
    let keys: Vec<Expr> = grouping_set_to_exprlist(&aggregate.group_expr)?.into_iter().cloned().collect();
    let intervals: Vec<Expr> = keys.iter().filter(|key| is_interval(key, input)).cloned().collect();
    if intervals.is_empty() {
        return Ok(LogicalPlan::Aggregate(aggregate));
    }
    let lengths = Lengths(intervals);
    let groups = aggregate.group_expr.into_iter().map(|key| lengths.in_place(key)).collect();
    let least_ones = lengths.0.iter().enumerate().map(|(at, interval)| least(interval.clone()).alias(shown(at)));
    let functions = aggregate.aggr_expr.into_iter().chain(least_ones).collect();
    let grouped = Aggregate::try_new(lengths.beside(&aggregate.input)?, groups, functions)?;

    // Behind the keys there may be the number of the grouping set.
    let columns = aggregate.schema.columns().into_iter().enumerate().map(|(place, column)| {
        match keys.get(place).and_then(|key| lengths.position(key)) {
            // A grouping set without the key has no length either.
            Some(at) => Ok(when(named(&key_name(at)).is_not_null(), named(&shown(at)))
                .end()?
                .alias_qualified(column.relation, column.name)),
            None => Ok(Expr::Column(column)),
        }
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(LogicalPlan::Aggregate(grouped)))?))
}

pub(super) fn distinct(input: Arc<LogicalPlan>) -> Result<LogicalPlan> {
    let columns = input.schema().columns().into_iter().map(Expr::Column).collect();
    of_aggregate(Aggregate::try_new(input, columns, Vec::new())?)
}

pub(super) fn distinct_on(mut distinct: DistinctOn) -> Result<LogicalPlan> {
    let input = distinct.input.schema();
    let sorted = distinct.sort_expr.iter().flatten().map(|key| &key.expr);
    let intervals: Vec<Expr> =
        distinct.on_expr.iter().chain(sorted).filter(|key| is_interval(key, input)).cloned().collect();
    if intervals.is_empty() {
        return Ok(LogicalPlan::Distinct(Distinct::On(distinct)));
    }
    let lengths = Lengths(intervals);
    distinct.on_expr = distinct.on_expr.into_iter().map(|key| lengths.in_place(key)).collect();
    for key in distinct.sort_expr.iter_mut().flatten() {
        key.expr = lengths.in_place(std::mem::take(&mut key.expr));
    }
    distinct.input = lengths.beside(&distinct.input)?;
    Ok(LogicalPlan::Distinct(Distinct::On(distinct)))
}

/// The intervals whose lengths are columns of their own.
struct Lengths(Vec<Expr>);

impl Lengths {
    fn position(&self, key: &Expr) -> Option<usize> {
        self.0.iter().position(|interval| interval == key)
    }

    /// The key with the length in the place of the interval, in grouping sets too.
    fn in_place(&self, key: Expr) -> Expr {
        let all = |keys: Vec<Expr>| keys.into_iter().map(|key| self.in_place(key)).collect();
        match key {
            Expr::GroupingSet(GroupingSet::Rollup(keys)) => Expr::GroupingSet(GroupingSet::Rollup(all(keys))),
            Expr::GroupingSet(GroupingSet::Cube(keys)) => Expr::GroupingSet(GroupingSet::Cube(all(keys))),
            Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => {
                Expr::GroupingSet(GroupingSet::GroupingSets(sets.into_iter().map(all).collect()))
            }
            other => self.position(&other).map_or(other, |at| named(&key_name(at))),
        }
    }

    /// `input` with the lengths behind its columns.
    fn beside(&self, input: &Arc<LogicalPlan>) -> Result<Arc<LogicalPlan>> {
        let mut columns: Vec<Expr> = input.schema().iter().map(Expr::from).collect();
        columns.extend(self.0.iter().enumerate().map(|(at, interval)| length(interval.clone()).alias(key_name(at))));
        Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(columns, Arc::clone(input))?)))
    }
}

fn key_name(at: usize) -> String {
    format!("maar_length_{at}")
}

fn shown(at: usize) -> String {
    format!("maar_interval_{at}")
}

fn named(column: &str) -> Expr {
    Expr::Column(Column::new_unqualified(column))
}
