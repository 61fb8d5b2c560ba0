//! The joins of a graph in another order, under a projection that gives what they gave before.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinSide, JoinType, NullEquality, internal_datafusion_err};
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};

use super::graph::{Expr, Graph, Inputs};

type Plan = Arc<dyn ExecutionPlan>;

/// What has been joined so far.
struct Joined {
    plan: Plan,
    inputs: Inputs,
    /// Which of all columns each of the plan's is.
    columns: Vec<usize>,
}

/// The joins in the order of their inputs, with the output of `written`.
pub(super) fn in_order(graph: &Graph, order: &[usize], written: &Plan) -> Result<Plan> {
    let mut order = order.iter().map(|input| single(graph, *input));
    let first = order.next().ok_or_else(|| internal_datafusion_err!("joins without inputs"))?;
    let joined = order.try_fold(first, |left, right| join(graph, left, right))?;
    let schema = written.schema();
    let mut projected = Vec::with_capacity(graph.output.len());
    for (field, expr) in schema.fields().iter().zip(&graph.output) {
        projected.push(ProjectionExpr { expr: among(expr, &joined.columns)?, alias: field.name().clone() });
    }
    Ok(Arc::new(ProjectionExec::try_new_with_schema_metadata(projected, joined.plan, &schema)?))
}

fn single(graph: &Graph, input: usize) -> Joined {
    let (plan, offset) = (Arc::clone(&graph.inputs[input]), graph.offsets[input]);
    let columns = (offset..offset + plan.schema().fields().len()).collect();
    Joined { plan, inputs: 1 << input, columns }
}

fn place(columns: &[usize], column: usize) -> Result<usize> {
    let found = columns.iter().position(|each| *each == column);
    found.ok_or_else(|| internal_datafusion_err!("a join lacks a column that is asked of it"))
}

fn join(graph: &Graph, left: Joined, right: Joined) -> Result<Joined> {
    let has = |joined: &Joined, input: usize| joined.inputs >> input & 1 == 1;
    let mut on = Vec::new();
    for condition in &graph.conditions {
        let ends = match (&condition.left, &condition.right) {
            (one, other) if has(&left, one.0) && has(&right, other.0) => Some((&one.1, &other.1)),
            (one, other) if has(&right, one.0) && has(&left, other.0) => Some((&other.1, &one.1)),
            _ => None,
        };
        if let Some((one, other)) = ends {
            on.push((among(one, &left.columns)?, among(other, &right.columns)?));
        }
    }
    let inputs = left.inputs | right.inputs;
    let new = |of: Inputs| of & !inputs == 0 && of & !left.inputs != 0 && of & !right.inputs != 0;
    // A condition on one input alone goes with its first join.
    let alone = |of: Inputs| of.is_power_of_two() && (of == left.inputs || of == right.inputs);
    let filters = graph.filters.iter().filter(|(of, _)| new(*of) || alone(*of)).map(|(_, filter)| filter);
    let filter = filters.cloned().reduce(|one, other| Arc::new(BinaryExpr::new(one, Operator::And, other)));
    let filter = filter.map(|filter| join_filter(&filter, &left, &right)).transpose()?;
    let columns = [left.columns, right.columns].concat();
    let plan = HashJoinExec::try_new(
        left.plan,
        right.plan,
        on,
        filter,
        &JoinType::Inner,
        None,
        PartitionMode::Auto,
        NullEquality::NullEqualsNothing,
        false,
    )?;
    Ok(Joined { plan: Arc::new(plan), inputs, columns })
}

/// An expression over all columns as one over some.
fn among(expression: &Expr, columns: &[usize]) -> Result<Expr> {
    let moved = Arc::clone(expression).transform_up(|e| match e.downcast_ref::<Column>() {
        Some(column) => {
            let moved: Expr = Arc::new(Column::new(column.name(), place(columns, column.index())?));
            Ok(Transformed::yes(moved))
        }
        None => Ok(Transformed::no(e)),
    });
    moved.data()
}

fn join_filter(filter: &Expr, left: &Joined, right: &Joined) -> Result<JoinFilter> {
    let mut columns: Vec<usize> = collect_columns(filter).iter().map(Column::index).collect();
    columns.sort_unstable();
    let (mut indices, mut fields): (Vec<ColumnIndex>, Vec<Field>) = (vec![], vec![]);
    for column in &columns {
        let (joined, side) =
            if left.columns.contains(column) { (left, JoinSide::Left) } else { (right, JoinSide::Right) };
        let index = place(&joined.columns, *column)?;
        indices.push(ColumnIndex { index, side });
        fields.push(joined.plan.schema().field(index).clone());
    }
    Ok(JoinFilter::new(among(filter, &columns)?, indices, Arc::new(Schema::new(fields))))
}
