//! Where the output columns of an operator come from, by position: what a filter over the output is over an input.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, SchemaRef};
use datafusion::common::JoinSide;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::JoinType;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::filter_pushdown::FilterPushdownPhase;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::joins::utils::{ColumnIndex, build_join_schema};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;

type Expr = Arc<dyn PhysicalExpr>;

/// The columns of one operator.
pub(super) enum Columns {
    /// For each child, for each output column, what it is over the child; none where it is nothing of that child's.
    Known(Vec<Vec<Option<Expr>>>),
    /// As known, of a filter that keeps `input`'s columns in part: it looks up by name what its child did not take.
    Narrowed { known: Vec<Vec<Option<Expr>>>, input: SchemaRef },
    /// An operator that we do not know: the host's look-up by name holds where names are unique.
    ByName { schemas: Vec<SchemaRef> },
}

impl Columns {
    pub(super) fn of(plan: &Arc<dyn ExecutionPlan>) -> Self {
        let children = plan.children();
        if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
            return Self::Known(vec![projection.expr().iter().map(|e| Some(Arc::clone(&e.expr))).collect()]);
        }
        if let Some(filter) = plan.downcast_ref::<FilterExec>() {
            let input = filter.input().schema();
            return match filter.projection() {
                Some(kept) => {
                    Self::Narrowed { known: vec![kept.iter().map(|&at| column(&input, at)).collect()], input }
                }
                None => Self::Known(vec![all_columns(&input)]),
            };
        }
        if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
            return Self::Known(vec![group_columns(aggregate)]);
        }
        if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
            return Self::Known(join_columns(join));
        }
        let passes_all = plan.downcast_ref::<UnionExec>().is_some()
            || children.len() == 1 && have_same_columns(&plan.schema(), &children[0].schema());
        if passes_all {
            return Self::Known(children.iter().map(|child| all_columns(&child.schema())).collect());
        }
        let schemas = std::iter::once(plan.schema()).chain(children.iter().map(|child| child.schema()));
        Self::ByName { schemas: schemas.collect() }
    }

    /// Whether the operator, when it is shown `filter`, cannot take one column for another.
    pub(super) fn can_place(&self, filter: &Expr, phase: FilterPushdownPhase) -> bool {
        let unique = |schemas: &[SchemaRef]| {
            collect_columns(filter).iter().all(|column| schemas.iter().all(|schema| is_unique(schema, column.name())))
        };
        match self {
            Self::Known(_) => true,
            Self::Narrowed { input, .. } => {
                matches!(phase, FilterPushdownPhase::Post) || unique(std::slice::from_ref(input))
            }
            Self::ByName { schemas } => unique(schemas),
        }
    }

    /// `filter`, which is over the output, as a filter over a child; none where it has a column that is not the child's.
    /// `by_host` is what the operator made of it by name.
    pub(super) fn in_child(&self, which: usize, filter: &Expr, by_host: &Expr) -> Result<Option<Expr>> {
        let known = match self {
            Self::Known(known) | Self::Narrowed { known, .. } => known,
            Self::ByName { .. } => return Ok(Some(Arc::clone(by_host))),
        };
        let Some(columns) = known.get(which) else { return Ok(None) };
        let mut is_complete = true;
        let over_child = Arc::clone(filter).transform_down(|e| {
            let Some(column) = e.downcast_ref::<Column>() else { return Ok(Transformed::no(e)) };
            match columns.get(column.index()) {
                // What stands in the column's place has columns of the child: it is not looked into.
                Some(Some(source)) => Ok(Transformed::new(Arc::clone(source), true, TreeNodeRecursion::Jump)),
                _ => {
                    is_complete = false;
                    Ok(Transformed::new(e, false, TreeNodeRecursion::Stop))
                }
            }
        });
        let over_child = over_child.data()?;
        Ok(is_complete.then_some(over_child))
    }
}

fn column(schema: &SchemaRef, at: usize) -> Option<Expr> {
    let field = schema.fields().get(at)?;
    Some(Arc::new(Column::new(field.name(), at)))
}

fn all_columns(schema: &SchemaRef) -> Vec<Option<Expr>> {
    (0..schema.fields().len()).map(|at| column(schema, at)).collect()
}

fn have_same_columns(one: &SchemaRef, other: &SchemaRef) -> bool {
    let alike = |(one, other): (&Arc<_>, &Arc<_>)| is_alike(one, other);
    one.fields().len() == other.fields().len() && one.fields().iter().zip(other.fields()).all(alike)
}

fn is_alike(one: &Field, other: &Field) -> bool {
    one.name() == other.name() && one.data_type() == other.data_type()
}

fn is_unique(schema: &SchemaRef, name: &str) -> bool {
    schema.fields().iter().filter(|field| field.name() == name).count() <= 1
}

/// Group keys come first in the output; one that is computed is not followed into the input.
fn group_columns(aggregate: &AggregateExec) -> Vec<Option<Expr>> {
    let keys = aggregate.group_expr().expr().iter();
    keys.map(|(key, _)| key.downcast_ref::<Column>().map(|_| Arc::clone(key))).collect()
}

fn join_columns(join: &HashJoinExec) -> Vec<Vec<Option<Expr>>> {
    let (left, right) = (join.left().schema(), join.right().schema());
    let (_, mut sources) = build_join_schema(&left, &right, join.join_type());
    if let Some(kept) = &join.projection {
        sources = kept.iter().filter_map(|&at| sources.get(at).cloned()).collect();
    }
    let of_side = |side: JoinSide, schema: &SchemaRef| -> Vec<Option<Expr>> {
        let here = |source: &ColumnIndex| {
            if source.side == side { column(schema, source.index) } else { partner(join, source) }
        };
        sources.iter().map(here).collect()
    };
    vec![of_side(JoinSide::Left, &left), of_side(JoinSide::Right, &right)]
}

/// The key on the other side that equals the column `source`: every row of a semi join has one.
fn partner(join: &HashJoinExec, source: &ColumnIndex) -> Option<Expr> {
    if !matches!(join.join_type(), JoinType::LeftSemi | JoinType::RightSemi) {
        return None;
    }
    let is_source = |key: &Expr| key.downcast_ref::<Column>().is_some_and(|key| key.index() == source.index);
    let (_, partner) = join
        .on()
        .iter()
        .map(|(left, right)| if source.side == JoinSide::Left { (left, right) } else { (right, left) })
        .find(|(key, _)| is_source(key))?;
    partner.downcast_ref::<Column>().map(|_| Arc::clone(partner))
}
