//! What can fail: expressions that raise an error for some value, and that must not be computed for rows that a condition
//! keeps from them. What is not known to be total counts as risky; constants fail for every row or for none.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Column, Literal, NegativeExpr, UnKnownColumn};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::casts;

/// Functions that give a value for every argument of their types.
const TOTAL_FUNCTIONS: &[&str] = &[
    "ascii",
    "atan",
    "bit_length",
    "btrim",
    "ceil",
    "character_length",
    "coalesce",
    "concat",
    "concat_ws",
    "contains",
    "cos",
    "date_part",
    "ends_with",
    "exp",
    "floor",
    "get_field",
    "greatest",
    "initcap",
    "isnan",
    "iszero",
    "least",
    "ln",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "md5",
    "named_struct",
    "nullif",
    "nvl",
    "nvl2",
    "octet_length",
    "reverse",
    "rtrim",
    "signum",
    "sin",
    "starts_with",
    "strpos",
    "struct",
    "tan",
    "upper",
];

/// Whether `expr`, over rows of `schema`, can raise an error.
pub(super) fn can_fail(expr: &Expr, schema: &DFSchema) -> bool {
    expr.any_column_refs() && expr.exists(|e| Ok(node_can_fail(e, schema))).unwrap_or(true)
}

fn node_can_fail(expr: &Expr, schema: &DFSchema) -> bool {
    let type_of = |e: &Expr| e.get_type(schema).unwrap_or(DataType::Null);
    match expr {
        Expr::BinaryExpr(binary) => {
            let divisor = binary.right.as_literal();
            operator_can_fail(binary.op, divisor) && !type_of(&binary.left).is_floating()
        }
        Expr::Negative(inner) => !type_of(inner).is_floating(),
        Expr::Cast(cast) => !casts::is_total(&type_of(&cast.expr), cast.field.data_type()),
        Expr::ScalarFunction(function) => !TOTAL_FUNCTIONS.contains(&function.func.name()),
        Expr::HigherOrderFunction(_) | Expr::Unnest(_) => true,
        _ => false,
    }
}

/// The same of a physical expression.
pub(super) fn physical_can_fail(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    let mut varies = false;
    let found = expr.exists(|e| {
        varies |= e.downcast_ref::<Column>().is_some() || e.downcast_ref::<UnKnownColumn>().is_some();
        Ok(physical_node_can_fail(e, schema))
    });
    // A search that ends early has not seen every column.
    found.unwrap_or(true) && (varies || has_column(expr))
}

fn has_column(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.exists(|e| Ok(e.downcast_ref::<Column>().is_some())).unwrap_or(true)
}

fn physical_node_can_fail(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    let type_of = |e: &Arc<dyn PhysicalExpr>| e.data_type(schema).unwrap_or(DataType::Null);
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        let divisor = binary.right().downcast_ref::<Literal>().map(Literal::value);
        operator_can_fail(*binary.op(), divisor) && !type_of(binary.left()).is_floating()
    } else if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        !casts::is_total(&type_of(cast.expr()), cast.cast_type())
    } else if let Some(negative) = expr.downcast_ref::<NegativeExpr>() {
        !type_of(negative.arg()).is_floating()
    } else if let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() {
        !TOTAL_FUNCTIONS.contains(&function.fun().name())
    } else {
        false
    }
}

fn operator_can_fail(op: Operator, right: Option<&ScalarValue>) -> bool {
    match op {
        Operator::Plus | Operator::Minus | Operator::Multiply => true,
        Operator::BitwiseShiftLeft | Operator::BitwiseShiftRight => true,
        // A quotient overflows for the least value and -1 alone.
        Operator::Divide | Operator::Modulo => !right.is_some_and(|divisor| {
            let one = ScalarValue::new_one(&divisor.data_type());
            divisor.data_type().is_integer() && one.is_ok_and(|one| *divisor >= one)
        }),
        _ => false,
    }
}
