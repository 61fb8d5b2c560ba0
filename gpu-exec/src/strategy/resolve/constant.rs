//! Literals and what is known before any row: parameters of the launch, and NULLs of a type.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::ColumnarValue;
use datafusion::scalar::ScalarValue;

use crate::error::{Error, Result};
use crate::ir::{Bounds, Constant, HostFunction, Type, Value, ValueKind};
use crate::strategy::scope::repr_of;

pub(super) fn is_null(value: &Value) -> bool {
    matches!(value.kind, ValueKind::Constant(Constant::Null))
}

/// A NULL of a type.
pub(in crate::strategy) fn null(ty: Type) -> Value {
    Value::new(ValueKind::Constant(Constant::Null), repr_of(ty), true, Bounds::new(0, 0))
}

/// A function of no column: its value, asked for once a query.
pub(super) fn evaluate_once(function: &HostFunction) -> Result<ScalarValue> {
    let schema = Arc::new(arrow::datatypes::Schema::empty());
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(1));
    let batch = RecordBatch::try_new_with_options(schema, vec![], &options)?;
    Ok(match function.expr.evaluate(&batch)? {
        ColumnarValue::Scalar(scalar) => scalar,
        ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0)?,
    })
}

/// A literal as a parameter, in the units of its type.
pub(in crate::strategy) fn constant(literal: &ScalarValue, ty: Type) -> Result<Value> {
    if literal.is_null() {
        return Ok(null(ty));
    }
    let kind = match Constant::of(literal) {
        Some(Constant::Int(value)) => return Ok(Value::constant(value)),
        Some(constant) => ValueKind::Constant(constant),
        None => return Err(Error::internal(format!("literal {literal} has no device form"))),
    };
    Ok(Value::new(kind, repr_of(ty), false, Bounds::new(0, 1)))
}
