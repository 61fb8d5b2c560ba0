//! Inner joins under one another as a graph: their inputs, and the conditions between them.
//!
//! Expressions are over the columns of all inputs side by side, so that they do not depend on the order of the joins.

use std::sync::Arc;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::JoinSide;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;

pub(super) type Expr = Arc<dyn PhysicalExpr>;
type Plan = Arc<dyn ExecutionPlan>;

/// A set of inputs, by bit.
pub(super) type Inputs = u64;
const INPUTS_MAX: usize = 60;

/// `left = right`, each of one input.
pub(super) struct Condition {
    pub(super) left: (usize, Expr),
    pub(super) right: (usize, Expr),
}

#[derive(Default)]
pub(super) struct Graph {
    pub(super) inputs: Vec<Plan>,
    /// Where each input's columns begin.
    pub(super) offsets: Vec<usize>,
    pub(super) conditions: Vec<Condition>,
    /// Other conditions, and the inputs whose columns they have.
    pub(super) filters: Vec<(Inputs, Expr)>,
    /// The inputs below each join as it is written.
    pub(super) joins: Vec<Inputs>,
    /// What the topmost join puts out.
    pub(super) output: Vec<Expr>,
    /// The joins and what lies between them, by address: they are not looked at again.
    pub(super) seen: Vec<usize>,
}

impl Graph {
    /// The graph whose topmost join `plan` is; none where there are less than three inputs to put in order.
    pub(super) fn of(plan: &Plan) -> Result<Option<Self>> {
        if Join::of(plan).is_none() {
            return Ok(None);
        }
        let mut graph = Self::default();
        let Some((_, output)) = graph.add(plan)? else { return Ok(None) };
        graph.output = output;
        Ok((3..=INPUTS_MAX).contains(&graph.inputs.len()).then_some(graph))
    }

    /// Inputs that a condition joins to one of `joined`.
    pub(super) fn neighbours(&self, joined: Inputs) -> impl Iterator<Item = usize> {
        let is_joined = move |input: usize| joined >> input & 1 == 1;
        (0..self.inputs.len()).filter(move |next| {
            let reaches = |c: &Condition| {
                let (l, r) = (c.left.0, c.right.0);
                l == *next && is_joined(r) || r == *next && is_joined(l)
            };
            !is_joined(*next) && self.conditions.iter().any(reaches)
        })
    }

    pub(super) fn input_of(&self, column: usize) -> usize {
        self.offsets.partition_point(|offset| *offset <= column) - 1
    }

    /// Adds what is below `plan`: the inputs, and for each of its columns, which one of all it is. None where a join has
    /// a condition that belongs to no two inputs.
    fn add(&mut self, plan: &Plan) -> Result<Option<(Inputs, Vec<Expr>)>> {
        if let Some(projection) = plan.downcast_ref::<ProjectionExec>().filter(|one| is_between_joins(one)) {
            let Some((inputs, columns)) = self.add(projection.input())? else { return Ok(None) };
            let projected = projection.expr().iter().map(|projected| over(&projected.expr, &columns));
            return Ok(Some((inputs, projected.collect::<Result<_>>()?)));
        }
        match Join::of(plan) {
            Some(join) => {
                self.seen.push(address(plan));
                self.add_join(&join)
            }
            None => {
                let (input, offset) = (self.inputs.len(), self.offsets.last().copied().unwrap_or(0));
                let offset = offset + self.inputs.last().map_or(0, |last| last.schema().fields().len());
                self.inputs.push(Arc::clone(plan));
                self.offsets.push(offset);
                let column = |(at, field): (usize, &FieldRef)| Arc::new(Column::new(field.name(), offset + at)) as Expr;
                let columns = plan.schema().fields().iter().enumerate().map(column).collect();
                Ok((input < INPUTS_MAX).then(|| (1 << input, columns)))
            }
        }
    }

    fn add_join(&mut self, join: &Join<'_>) -> Result<Option<(Inputs, Vec<Expr>)>> {
        let Some((left_inputs, left)) = self.add(join.left)? else { return Ok(None) };
        let Some((right_inputs, right)) = self.add(join.right)? else { return Ok(None) };
        let joined = left_inputs | right_inputs;
        self.joins.push(joined);
        let Some(hash) = join.hash else { return Ok(Some((joined, [left, right].concat()))) };
        for (one, other) in hash.on() {
            let (one, other) = (over(one, &left)?, over(other, &right)?);
            let ends = self.inputs_of(&one).zip(self.inputs_of(&other));
            let Some((l, r)) = ends.filter(|(l, r)| l.is_power_of_two() && r.is_power_of_two()) else {
                return Ok(None);
            };
            let (l, r) = (l.trailing_zeros() as usize, r.trailing_zeros() as usize);
            self.conditions.push(Condition { left: (l, one), right: (r, other) });
        }
        if let Some(filter) = hash.filter() {
            let side = |side: JoinSide| if side == JoinSide::Left { &left } else { &right };
            let columns: Vec<Expr> =
                filter.column_indices().iter().map(|c| Arc::clone(&side(c.side)[c.index])).collect();
            let filter = over(filter.expression(), &columns)?;
            let Some(inputs) = self.inputs_of(&filter) else { return Ok(None) };
            self.filters.push((inputs, filter));
        }
        let all = [left, right].concat();
        let output = hash.projection.as_ref().map(|kept| kept.iter().map(|at| Arc::clone(&all[*at])).collect());
        Ok(Some((joined, output.unwrap_or(all))))
    }

    /// The inputs whose columns an expression has; none for an expression without columns.
    fn inputs_of(&self, expression: &Expr) -> Option<Inputs> {
        let columns = collect_columns(expression);
        (!columns.is_empty())
            .then(|| columns.iter().map(|column| 1 << self.input_of(column.index())).fold(0, |a, b| a | b))
    }
}

/// An inner join that may trade places with its neighbours.
struct Join<'a> {
    left: &'a Plan,
    right: &'a Plan,
    /// None for a cross product.
    hash: Option<&'a HashJoinExec>,
}

impl<'a> Join<'a> {
    fn of(plan: &'a Plan) -> Option<Self> {
        if let Some(cross) = plan.downcast_ref::<CrossJoinExec>() {
            return Some(Self { left: cross.left(), right: cross.right(), hash: None });
        }
        let join = plan.downcast_ref::<HashJoinExec>()?;
        let inner = *join.join_type() == JoinType::Inner && join.null_equality() == NullEquality::NullEqualsNothing;
        let plain = inner && join.fetch().is_none();
        plain.then(|| Self { left: join.left(), right: join.right(), hash: Some(join) })
    }
}

pub(super) fn address(plan: &Plan) -> usize {
    Arc::as_ptr(plan).cast::<()>() as usize
}

/// Whether a projection computes nothing but what may as well be computed above the next joins.
fn is_between_joins(projection: &ProjectionExec) -> bool {
    let below = projection.input();
    let over_join = Join::of(below).is_some() || below.downcast_ref::<ProjectionExec>().is_some_and(is_between_joins);
    over_join && !projection.expr().iter().any(|projected| is_volatile(&projected.expr))
}

/// An expression over columns that each are one of `columns`.
pub(super) fn over(expression: &Expr, columns: &[Expr]) -> Result<Expr> {
    let replaced = Arc::clone(expression).transform_down(|e| match e.downcast_ref::<Column>() {
        // What stands for the column is not looked into.
        Some(column) => Ok(Transformed::new(Arc::clone(&columns[column.index()]), true, TreeNodeRecursion::Jump)),
        None => Ok(Transformed::no(e)),
    });
    replaced.data()
}
