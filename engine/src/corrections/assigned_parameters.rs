//! Fault: a placeholder in INSERT or UPDATE is planned as a value of its column's type, without a cast; a value of another type
//! then goes into the table as it is, and a table in memory with batches of two types cannot be read any more (DataFusion 55.2,
//! `insert_to_plan`, `update_to_plan`).
//!
//! Correction: when the change starts, with its values, whatever is of another type is cast to its column's, as a value that is
//! written in the statement is. Test: `engine/tests/session/prepared.rs`.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{DmlStatement, Expr, ExprSchemable, LogicalPlan, Projection, WriteOp};

/// `plan`, in which INSERT and UPDATE assign values of the types of their columns.
///
/// # Errors
/// For types that have no cast.
pub(crate) fn cast(plan: LogicalPlan) -> Result<LogicalPlan> {
    let assigned = plan.transform_down(|node| match node {
        LogicalPlan::Dml(change) if matches!(change.op, WriteOp::Insert(_) | WriteOp::Update) => {
            Ok(Transformed::yes(LogicalPlan::Dml(to_columns(change)?)))
        }
        other => Ok(Transformed::no(other)),
    });
    Ok(assigned?.data)
}

fn to_columns(mut change: DmlStatement) -> Result<DmlStatement> {
    let LogicalPlan::Projection(values) = change.input.as_ref() else { return Ok(change) };
    let columns = change.target.schema();
    let (rows, schema) = (Arc::clone(&values.input), values.input.schema());
    if values.expr.len() != columns.fields().len() {
        return Ok(change);
    }
    let mut cast: Vec<Expr> = Vec::with_capacity(values.expr.len());
    for (value, column) in values.expr.iter().zip(columns.fields()) {
        cast.push(match value.get_type(schema)? == *column.data_type() {
            true => value.clone(),
            false => value.clone().unalias().cast_to(column.data_type(), schema)?.alias(column.name()),
        });
    }
    change.input = Arc::new(LogicalPlan::Projection(Projection::try_new(cast, rows)?));
    Ok(change)
}
