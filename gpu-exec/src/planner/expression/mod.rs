//! Host expressions become device expressions, or a reason.
//!
//! Three forms are tried in order for every subtree, the largest subtree first: a function of one text column becomes
//! a map over its dictionary ([`text`]); a tree without columns that holds a scalar subquery becomes a value known when
//! the query runs; everything else is translated node by node. Types are those of the host's planner, nothing is
//! coerced here. Not here: widths, bounds, overflow checks.

mod arithmetic;
mod bits;
mod cast;
mod comparison;
mod conditional;
mod date;
mod deferred;
mod engine;
mod function;
mod literal;
mod raw_text;
mod round;
mod text;

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, NegativeExpr, NotExpr,
    TryCastExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::Reason;
use super::support::{self, Subject};
use crate::ir::{Expr, ExprKind, Type};

pub use engine::{FLOAT_KEY, ONE_NAN};

/// Deepest expression that is placed, in levels. Translation, strategy and code generation walk expressions by
/// recursion, on threads whose stacks may be as small as 2 MiB; a chain of so many terms has no use for a GPU.
pub const DEPTH_MAX: usize = 128;

/// Translates a host expression over a schema.
///
/// # Errors
/// The reason the expression has no device form, naming the smallest part at fault.
pub fn translate(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Expr, Reason> {
    if is_deeper(expr, DEPTH_MAX) {
        return Err(Reason::new(format!("an expression is nested deeper than {DEPTH_MAX} levels")));
    }
    translate_tree(expr, schema)
}

/// Whether a tree has more levels than that; by a list of what is left to see, not by recursion.
fn is_deeper(expr: &Arc<dyn PhysicalExpr>, levels: usize) -> bool {
    let mut left = vec![(expr, 1)];
    while let Some((node, depth)) = left.pop() {
        if depth > levels {
            return true;
        }
        left.extend(node.children().into_iter().map(|child| (child, depth + 1)));
    }
    false
}

/// A tree of bounded depth.
fn translate_tree(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Expr, Reason> {
    if let Some(mapped) = text::translate_function(expr, schema)? {
        return Ok(mapped);
    }
    if let Some(deferred) = deferred::translate_constant(expr, schema)? {
        return Ok(deferred);
    }
    translate_node(expr, schema)
}

/// One node, its children through [`translate_tree`].
fn translate_node(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Expr, Reason> {
    let node = expr.as_ref();
    if let Some(column) = node.downcast_ref::<Column>() {
        return translate_column(column, schema);
    }
    if let Some(value) = literal::value_of(expr) {
        return literal::translate(&value, node);
    }
    if let Some(binary) = node.downcast_ref::<BinaryExpr>() {
        return translate_binary(expr, binary, schema);
    }
    if let Some(not) = node.downcast_ref::<NotExpr>() {
        return not_(translate_tree(not.arg(), schema)?).map_err(|cause| Reason::at(node, cause));
    }
    if let Some(test) = node.downcast_ref::<IsNullExpr>() {
        return Ok(is_null(translate_tree(test.arg(), schema)?));
    }
    if let Some(test) = node.downcast_ref::<IsNotNullExpr>() {
        return not_(is_null(translate_tree(test.arg(), schema)?));
    }
    if let Some(negative) = node.downcast_ref::<NegativeExpr>() {
        return arithmetic::translate_negation(expr, negative, schema);
    }
    if let Some(case) = node.downcast_ref::<CaseExpr>() {
        return conditional::translate_case(expr, case, schema);
    }
    if let Some(cast) = node.downcast_ref::<CastExpr>() {
        return cast::translate(cast::HostCast::of_cast(expr, cast), schema);
    }
    if let Some(cast) = node.downcast_ref::<TryCastExpr>() {
        return cast::translate(cast::HostCast::of_try_cast(expr, cast), schema);
    }
    if let Some(list) = node.downcast_ref::<InListExpr>() {
        return comparison::translate_in_list(expr, list, schema);
    }
    if let Some(function) = node.downcast_ref::<ScalarFunctionExpr>() {
        return function::translate(expr, function, schema);
    }
    if node.is::<LikeExpr>() {
        return Err(text::reason(expr, schema));
    }
    Err(Reason::at(node, "this kind of expression has no device form"))
}

fn translate_column(column: &Column, schema: &Schema) -> Result<Expr, Reason> {
    let field = schema
        .fields()
        .get(column.index())
        .ok_or_else(|| Reason::at(column, format!("column {} is not among its input's", column.index())))?;
    let ty = device_type(field.data_type())
        .ok_or_else(|| Reason::at(column, format!("a column of type {} has no device form", field.data_type())))?;
    Ok(Expr::column(column.index(), ty, field.is_nullable()))
}

fn translate_binary(expr: &Arc<dyn PhysicalExpr>, binary: &BinaryExpr, schema: &Schema) -> Result<Expr, Reason> {
    use Operator::{And, Divide, Minus, Modulo, Multiply, Or, Plus};
    if let Some(bits) = bits::translate(expr, binary, schema)? {
        return Ok(bits);
    }
    match binary.op() {
        And | Or => translate_connective(binary, schema),
        Plus | Minus | Multiply | Divide | Modulo => arithmetic::translate(expr, binary, schema),
        op => match comparison::operator(*op) {
            Some(compare) => comparison::translate(expr, binary, compare, schema),
            None if text::is_text_operator(*op) => Err(text::reason(expr, schema)),
            None => Err(Reason::at(expr.as_ref(), format!("the operator {op} has no device form"))),
        },
    }
}

fn translate_connective(binary: &BinaryExpr, schema: &Schema) -> Result<Expr, Reason> {
    let left = boolean(translate_tree(binary.left(), schema)?, binary.left().as_ref())?;
    let right = boolean(translate_tree(binary.right(), schema)?, binary.right().as_ref())?;
    let nullable = left.nullable || right.nullable;
    let (left, right) = (Box::new(left), Box::new(right));
    let kind = if *binary.op() == Operator::And { ExprKind::And(left, right) } else { ExprKind::Or(left, right) };
    Ok(Expr::new(kind, Type::Bool, nullable))
}

fn boolean(expr: Expr, host: &dyn PhysicalExpr) -> Result<Expr, Reason> {
    support::require(Subject::Expression, "AND OR NOT", expr.ty).map_err(|cause| Reason::at(host, cause))?;
    Ok(expr)
}

fn not_(input: Expr) -> Result<Expr, Reason> {
    support::require(Subject::Expression, "AND OR NOT", input.ty)?;
    let nullable = input.nullable;
    Ok(Expr::new(ExprKind::Not(Box::new(input)), Type::Bool, nullable))
}

fn is_null(input: Expr) -> Expr {
    Expr::new(ExprKind::IsNull(Box::new(input)), Type::Bool, false)
}

/// The device's view of a host type. A decimal of negative scale (thousands and up) has none.
pub(crate) fn device_type(data_type: &DataType) -> Option<Type> {
    if let DataType::Decimal256(precision, scale) = data_type {
        return Some(Type::WideDecimal { precision: *precision, scale: *scale });
    }
    Type::from_arrow(data_type).filter(|ty| !matches!(ty, Type::Decimal { scale, .. } if *scale < 0))
}

/// The host type of an expression and the device's view of it.
fn typed(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<(DataType, Type), Reason> {
    let data_type =
        expr.data_type(schema).map_err(|error| Reason::at(expr.as_ref(), format!("its type is unknown ({error})")))?;
    let ty = device_type(&data_type)
        .ok_or_else(|| Reason::at(expr.as_ref(), format!("a value of type {data_type} has no device form")))?;
    Ok((data_type, ty))
}

fn nullable(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    expr.nullable(schema).unwrap_or(true)
}
