//! Decimals that outgrow the widest precision of their type: arrow fails when the 128-bit integer underneath overflows,
//! but lets values of 39 digits pass. Where the digits of the operands do not rule it out, the result is checked.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{
    DECIMAL32_MAX_PRECISION, DECIMAL64_MAX_PRECISION, DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType,
    Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Schema, SchemaRef,
};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Literal};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use super::physical::{Rewritten, rewrite_operator};
use crate::unseen::{Unseen, With};

/// The rule; it goes behind placement, because devices check decimals by themselves.
#[derive(Debug)]
pub(super) struct CheckWideDecimals;

impl PhysicalOptimizerRule for CheckWideDecimals {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| match rewrite_operator(&plan, &check_all)? {
            Rewritten::Changed(new) => Ok(Transformed::yes(new)),
            Rewritten::Same | Rewritten::Opaque => Ok(Transformed::no(plan)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "maar_wide_decimals"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The plan without the checks that [`CheckWideDecimals`] added: as placement saw it.
pub(crate) fn without_host_checks(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let unwrap = |expr: Arc<dyn PhysicalExpr>, _: &SchemaRef| {
        expr.transform_up(|e| match e.downcast_ref::<With<FitsDecimal>>() {
            Some(check) => Ok(Transformed::yes(Arc::clone(&check.inner))),
            None => Ok(Transformed::no(e)),
        })
    };
    plan.transform_up(|plan| match rewrite_operator(&plan, &unwrap)? {
        Rewritten::Changed(new) => Ok(Transformed::yes(new)),
        Rewritten::Same | Rewritten::Opaque => Ok(Transformed::no(plan)),
    })
    .data()
}

fn check_all(expr: Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Result<Transformed<Arc<dyn PhysicalExpr>>> {
    expr.transform_up(|e| {
        if e.downcast_ref::<BinaryExpr>().is_none() {
            return Ok(Transformed::no(e));
        }
        let checked = check(Arc::clone(&e), schema)?;
        Ok(if Arc::ptr_eq(&checked, &e) { Transformed::no(e) } else { Transformed::yes(checked) })
    })
}

/// `expr`, with a check around it if it is decimal arithmetic that may give more digits than any decimal has.
pub(super) fn check(expr: Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    let Some(binary) = expr.downcast_ref::<BinaryExpr>() else { return Ok(expr) };
    let arithmetic = matches!(
        binary.op(),
        Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo
    );
    if !arithmetic {
        return Ok(expr);
    }
    let result = binary.data_type(schema)?;
    match (precision_max(&result), digits(&expr, schema)?) {
        (Some(most), Some(possible)) if possible > u32::from(most) => {
            Ok(Arc::new(With { inner: Arc::clone(&expr), unseen: FitsDecimal(result) }))
        }
        _ => Ok(expr),
    }
}

fn precision_max(data_type: &DataType) -> Option<u8> {
    match data_type {
        DataType::Decimal32(..) => Some(DECIMAL32_MAX_PRECISION),
        DataType::Decimal64(..) => Some(DECIMAL64_MAX_PRECISION),
        DataType::Decimal128(..) => Some(DECIMAL128_MAX_PRECISION),
        DataType::Decimal256(..) => Some(DECIMAL256_MAX_PRECISION),
        _ => None,
    }
}

fn precision_and_scale(data_type: &DataType) -> Option<(u32, i32)> {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => Some((u32::from(*precision), i32::from(*scale))),
        _ => None,
    }
}

/// The most digits that the value of `expr`, as an integer in its own scale, can have; `None` if it is no decimal.
fn digits(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Option<u32>> {
    let Some((precision, scale)) = precision_and_scale(&expr.data_type(schema)?) else { return Ok(None) };
    if let Some(literal) = expr.downcast_ref::<Literal>() {
        return Ok(Some(literal_digits(literal.value()).unwrap_or(precision)));
    }
    if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        return Ok(Some(cast_digits(cast, precision, scale, schema)?));
    }
    let Some(binary) = expr.downcast_ref::<BinaryExpr>() else { return Ok(Some(precision)) };
    let (left, right) = (operand(binary.left(), schema)?, operand(binary.right(), schema)?);
    let (Some((left, left_scale)), Some((right, right_scale))) = (left, right) else { return Ok(Some(precision)) };
    let at_scale = |digits: u32, from: i32| digits.saturating_add_signed(scale - from);
    Ok(Some(match binary.op() {
        Operator::Plus | Operator::Minus => at_scale(left, left_scale).max(at_scale(right, right_scale)) + 1,
        Operator::Multiply => left + right,
        // Dividing by the least positive value of the right's scale gives the most.
        Operator::Divide => at_scale(left, left_scale).saturating_add_signed(right_scale),
        Operator::Modulo => precision,
        _ => precision,
    }))
}

fn operand(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Option<(u32, i32)>> {
    let scale = precision_and_scale(&expr.data_type(schema)?).map(|(_, scale)| scale);
    Ok(digits(expr, schema)?.zip(scale))
}

fn literal_digits(value: &ScalarValue) -> Option<u32> {
    let count = |value: u128| value.checked_ilog10().map_or(1, |log| log + 1);
    match value {
        ScalarValue::Decimal32(Some(value), ..) => Some(count(u128::from(value.unsigned_abs()))),
        ScalarValue::Decimal64(Some(value), ..) => Some(count(u128::from(value.unsigned_abs()))),
        ScalarValue::Decimal128(Some(value), ..) => Some(count(value.unsigned_abs())),
        _ => None,
    }
}

/// A cast to a larger decimal adds no digits to the left of the point.
fn cast_digits(cast: &CastExpr, precision: u32, scale: i32, schema: &Schema) -> Result<u32> {
    const INTEGER_DIGITS: [(DataType, u32); 8] = [
        (DataType::Int8, 3),
        (DataType::UInt8, 3),
        (DataType::Int16, 5),
        (DataType::UInt16, 5),
        (DataType::Int32, 10),
        (DataType::UInt32, 10),
        (DataType::Int64, 19),
        (DataType::UInt64, 20),
    ];
    let from = cast.expr().data_type(schema)?;
    let whole = match operand(cast.expr(), schema)? {
        Some((digits, from_scale)) => Some(digits.saturating_add_signed(-from_scale)),
        None => INTEGER_DIGITS.iter().find(|(integer, _)| *integer == from).map(|(_, digits)| *digits),
    };
    // One more: rounding away decimals may carry.
    Ok(whole.map_or(precision, |whole| whole.saturating_add_signed(scale) + 1).min(precision))
}

/// The value, or an error when it has more digits than a decimal of the type's width can have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FitsDecimal(DataType);

impl Unseen for FitsDecimal {
    fn apply(&self, value: ColumnarValue) -> Result<ColumnarValue> {
        match &value {
            ColumnarValue::Array(array) => validate(array, &self.0)?,
            ColumnarValue::Scalar(scalar) => validate(&scalar.to_array()?, &self.0)?,
        }
        Ok(value)
    }
}

/// # Errors
/// When a value has more digits than `data_type` allows.
pub(super) fn validate(array: &ArrayRef, data_type: &DataType) -> Result<()> {
    let valid = match data_type {
        DataType::Decimal32(precision, _) => {
            array.as_primitive::<Decimal32Type>().validate_decimal_precision(*precision)
        }
        DataType::Decimal64(precision, _) => {
            array.as_primitive::<Decimal64Type>().validate_decimal_precision(*precision)
        }
        DataType::Decimal128(precision, _) => {
            let decimals = array.as_primitive::<Decimal128Type>();
            // The careful check is a call a value and knows NULLs; most batches pass this one, which the compiler vectorises.
            let limit = 10i128.saturating_pow(u32::from(*precision));
            let outside = decimals.values().iter().fold(false, |any, v| any | (*v >= limit) | (*v <= -limit));
            if outside { decimals.validate_decimal_precision(*precision) } else { Ok(()) }
        }
        DataType::Decimal256(precision, _) => {
            array.as_primitive::<Decimal256Type>().validate_decimal_precision(*precision)
        }
        _ => Ok(()),
    };
    valid.map_err(|_| ArrowError::ArithmeticOverflow(format!("the result does not fit {data_type}")).into())
}
