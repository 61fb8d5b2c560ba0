//! Equi-joins with an optional residual condition.

use std::sync::Arc;

use arrow::datatypes::{Field as HostField, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinSide as HostSide, JoinType, NullEquality};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use super::stored_fields_of;
use crate::ir::{Expr, JoinColumn, JoinKind, JoinSide, Node, Type};
use crate::planner::Reason;
use crate::planner::expression::translate;
use crate::planner::support::{self, Subject};

/// The join's name in the support table.
pub(super) fn name(join_type: JoinType) -> &'static str {
    match join_type {
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
fn kind(join: &HashJoinExec) -> Result<JoinKind, Reason> {
    use JoinSide::{Left, Right};
    if join.null_aware {
        return Err(Reason::new("a NOT IN that heeds NULLs runs on the host"));
    }
    match join.join_type() {
        JoinType::Inner => Ok(JoinKind::Inner),
        JoinType::Left => Ok(JoinKind::Outer { kept: Left }),
        JoinType::Right => Ok(JoinKind::Outer { kept: Right }),
        JoinType::LeftSemi => Ok(JoinKind::Semi { kept: Left }),
        JoinType::RightSemi => Ok(JoinKind::Semi { kept: Right }),
        JoinType::LeftAnti => Ok(JoinKind::Anti { kept: Left }),
        JoinType::RightAnti => Ok(JoinKind::Anti { kept: Right }),
        other @ (JoinType::Full | JoinType::LeftMark | JoinType::RightMark) => {
            Err(Reason::new(format!("a {} has no device form", name(*other))))
        }
    }
}

pub(super) fn build(join: &HashJoinExec, left: Node, right: Node) -> Result<Node, Reason> {
    let kind = kind(join)?;
    if join.null_equality() != NullEquality::NullEqualsNothing {
        return Err(Reason::new("a join on IS NOT DISTINCT FROM runs on the host"));
    }
    let (left_schema, right_schema) = (join.left().schema(), join.right().schema());
    let key = |(a, b): &(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)| {
        let pair = (translate(a, &left_schema)?, translate(b, &right_schema)?);
        check_keys(&pair.0, &pair.1).map_err(|cause| Reason::at(a.as_ref(), cause))?;
        Ok(pair)
    };
    let on = join.on().iter().map(key).collect::<Result<Vec<_>, Reason>>()?;
    let left_columns = left_schema.fields().len();
    let residual = join.filter().map(|filter| residual(filter, &left_schema, &right_schema)).transpose()?;
    let column = |index: usize| match kind {
        JoinKind::Semi { kept } | JoinKind::Anti { kept } => JoinColumn { side: kept, index },
        JoinKind::Inner | JoinKind::Outer { .. } => column_at(index, left_columns),
    };
    let fields = stored_fields_of(&join.schema())?;
    let output = match &join.projection {
        Some(kept) => kept.iter().map(|index| column(*index)).collect(),
        None => (0..fields.len()).map(column).collect(),
    };
    Ok(Node::Join { kind, left: Box::new(left), right: Box::new(right), on, residual, output, fields })
}

fn column_at(index: usize, left_columns: usize) -> JoinColumn {
    match index.checked_sub(left_columns) {
        Some(index) => JoinColumn { side: JoinSide::Right, index },
        None => JoinColumn { side: JoinSide::Left, index },
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
