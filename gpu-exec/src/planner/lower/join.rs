//! Joins: on equal keys with an optional residual condition, on a condition alone, or on nothing.

use std::sync::Arc;

use arrow::datatypes::{Field as HostField, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinSide as HostSide, JoinType, NullEquality};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use super::stored_fields_of;
use crate::ir::{Expr, JoinColumn, JoinKind, JoinSide, Node, Type};
use crate::planner::Reason;
use crate::planner::expression::translate;
use crate::planner::support::{self, Subject};

type HostExpr = Arc<dyn PhysicalExpr>;

/// A join of the host's, of whichever operator.
pub(crate) struct HostJoin<'a> {
    pub(super) left: &'a Arc<dyn ExecutionPlan>,
    pub(super) right: &'a Arc<dyn ExecutionPlan>,
    join_type: JoinType,
    /// None where the condition is no equality.
    on: &'a [(HostExpr, HostExpr)],
    nulls_equal: bool,
    /// `NOT IN`: one NULL on the right, and no row of the left goes on.
    heeds_nulls: bool,
    filter: Option<&'a JoinFilter>,
    projection: Option<&'a [usize]>,
}

impl<'a> HostJoin<'a> {
    /// The join that an operator is, if it is one that has keys, a condition, or neither.
    pub(super) fn of(plan: &'a Arc<dyn ExecutionPlan>) -> Option<Self> {
        if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
            return Some(Self {
                left: join.left(),
                right: join.right(),
                join_type: *join.join_type(),
                on: join.on(),
                nulls_equal: join.null_equality() == NullEquality::NullEqualsNull,
                heeds_nulls: join.null_aware,
                filter: join.filter(),
                projection: join.projection.as_deref(),
            });
        }
        let without_keys = |left, right, join_type, filter, projection| Self {
            left,
            right,
            join_type,
            on: &[],
            nulls_equal: false,
            heeds_nulls: false,
            filter,
            projection,
        };
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            let projection = join.projection().as_deref();
            return Some(without_keys(join.left(), join.right(), *join.join_type(), join.filter(), projection));
        }
        let join = plan.downcast_ref::<CrossJoinExec>()?;
        Some(without_keys(join.left(), join.right(), JoinType::Inner, None, None))
    }

    /// The join's name in the support table.
    pub(super) fn name(&self) -> &'static str {
        match self.join_type {
            JoinType::Inner => "inner join",
            JoinType::Left => "left join",
            JoinType::Right => "right join",
            JoinType::Full => "full join",
            JoinType::LeftSemi | JoinType::RightSemi => "semi join",
            JoinType::LeftAnti | JoinType::RightAnti => "anti join",
            JoinType::LeftMark | JoinType::RightMark => "mark join",
        }
    }

    /// The join's kind on the device.
    fn kind(&self) -> Result<JoinKind, Reason> {
        use JoinSide::{Left, Right};
        match self.join_type {
            JoinType::LeftAnti if self.heeds_nulls && self.on.len() == 1 && self.filter.is_none() => {
                Ok(JoinKind::NotIn { kept: Left })
            }
            _ if self.heeds_nulls => Err(Reason::new("a NOT IN of this kind that heeds NULLs runs on the host")),
            JoinType::Inner => Ok(JoinKind::Inner),
            JoinType::Left => Ok(JoinKind::Outer { kept: Left }),
            JoinType::Right => Ok(JoinKind::Outer { kept: Right }),
            JoinType::LeftSemi => Ok(JoinKind::Semi { kept: Left }),
            JoinType::RightSemi => Ok(JoinKind::Semi { kept: Right }),
            JoinType::LeftAnti => Ok(JoinKind::Anti { kept: Left }),
            JoinType::RightAnti => Ok(JoinKind::Anti { kept: Right }),
            JoinType::LeftMark => Ok(JoinKind::Mark { kept: Left }),
            JoinType::RightMark => Ok(JoinKind::Mark { kept: Right }),
            JoinType::Full => Ok(JoinKind::Full),
        }
    }

    /// The node over nodes of both sides; `schema` is what the operator puts out.
    pub(super) fn build(&self, schema: &Schema, left: Node, right: Node) -> Result<Node, Reason> {
        let kind = self.kind()?;
        let (left_schema, right_schema) = (self.left.schema(), self.right.schema());
        let key = |(a, b): &(HostExpr, HostExpr)| {
            let pair = (translate(a, &left_schema)?, translate(b, &right_schema)?);
            check_keys(&pair.0, &pair.1).map_err(|cause| Reason::at(a.as_ref(), cause))?;
            Ok(pair)
        };
        let on = self.on.iter().map(key).collect::<Result<Vec<_>, Reason>>()?;
        let (left_columns, right_columns) = (left_schema.fields().len(), right_schema.fields().len());
        let residual = self.filter.map(|filter| residual(filter, &left_schema, &right_schema)).transpose()?;
        let column = |index: usize| match kind {
            JoinKind::Mark { kept } if index == if kept == JoinSide::Left { left_columns } else { right_columns } => {
                JoinColumn::Mark
            }
            JoinKind::Semi { kept } | JoinKind::Anti { kept } | JoinKind::NotIn { kept } | JoinKind::Mark { kept } => {
                JoinColumn::Of { side: kept, index }
            }
            JoinKind::Inner | JoinKind::Outer { .. } | JoinKind::Full => column_at(index, left_columns),
        };
        let fields = stored_fields_of(schema)?;
        let output = match self.projection {
            Some(kept) => kept.iter().map(|index| column(*index)).collect(),
            None => (0..fields.len()).map(column).collect(),
        };
        let (left, right, nulls_equal) = (Box::new(left), Box::new(right), self.nulls_equal);
        Ok(Node::Join { kind, left, right, on, nulls_equal, residual, output, fields })
    }
}

fn column_at(index: usize, left_columns: usize) -> JoinColumn {
    match index.checked_sub(left_columns) {
        Some(index) => JoinColumn::Of { side: JoinSide::Right, index },
        None => JoinColumn::Of { side: JoinSide::Left, index },
    }
}

/// Keys must compare as stored integers of one meaning.
fn check_keys(left: &Expr, right: &Expr) -> Result<(), Reason> {
    for key in [left, right] {
        support::require(Subject::JoinKey, "join key", key.ty)?;
    }
    let same = match (left.ty, right.ty) {
        (Type::Decimal { scale: a, .. }, Type::Decimal { scale: b, .. }) => a == b,
        (a, b) => a == b,
    };
    if same { Ok(()) } else { Err(Reason::new("join keys of two types have no device form")) }
}

/// The residual condition over the columns of both sides, left first.
fn residual(filter: &JoinFilter, left: &Schema, right: &Schema) -> Result<Expr, Reason> {
    let left_columns = left.fields().len();
    let fields: Vec<HostField> =
        left.fields().iter().chain(right.fields()).map(|field| field.as_ref().clone()).collect();
    let joined = Schema::new(fields);
    let indices = filter.column_indices();
    let rewritten = Arc::clone(filter.expression())
        .transform_up(|node| {
            let Some(found) = node.downcast_ref::<Column>().and_then(|column| indices.get(column.index())) else {
                return Ok(Transformed::no(node));
            };
            let index = match found.side {
                HostSide::Right => left_columns + found.index,
                HostSide::Left | HostSide::None => found.index,
            };
            let column = Column::new(joined.field(index).name(), index);
            Ok(Transformed::yes(Arc::new(column) as Arc<dyn PhysicalExpr>))
        })
        .data()
        .map_err(|error| Reason::at(filter.expression().as_ref(), error))?;
    let condition = translate(&rewritten, &joined)?;
    if condition.ty != Type::Bool {
        return Err(Reason::at(filter.expression().as_ref(), "a join condition needs a boolean"));
    }
    Ok(condition)
}
