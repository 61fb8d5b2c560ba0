//! SUM and AVG of decimals, at types that hold their result: a sum has ten digits more than its values, a mean four.
//!
//! DataFusion keeps the width of the values, so that the sum of 64-bit decimals stays one of 18 digits and the mean of a
//! `decimal(38, 18)` has no room for its own digits. Here the argument is widened where the width is too small, and the
//! type of the result follows. Not here: adding (`sum`).

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL128_MAX_SCALE, DataType};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::functions_aggregate::average::Avg;
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::expr::WindowFunctionDefinition;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{AggregateUDF, Cast, Expr, ExprSchemable};

/// Digits that a mean has more than its values, behind the point.
const MEAN_DIGITS: u8 = 4;

/// The rewrite; it goes before the one that replaces SUM.
#[derive(Debug)]
pub(super) struct WidenArguments;

impl FunctionRewrite for WidenArguments {
    fn name(&self) -> &str {
        "maar_widen_arguments"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::AggregateFunction(mut call) => {
                let widened = widen(&call.func, &mut call.params.args, schema)?;
                Ok(Transformed::new_transformed(Expr::AggregateFunction(call), widened))
            }
            Expr::WindowFunction(mut call) => {
                let widened = match &call.fun {
                    WindowFunctionDefinition::AggregateUDF(function) => widen(function, &mut call.params.args, schema)?,
                    WindowFunctionDefinition::WindowUDF(_) => false,
                };
                Ok(Transformed::new_transformed(Expr::WindowFunction(call), widened))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

/// Casts the argument where it has to be wider; whether it had to be.
fn widen(function: &AggregateUDF, arguments: &mut [Expr], schema: &DFSchema) -> Result<bool> {
    let mean = function.inner().is::<Avg>();
    if !mean && !function.inner().is::<Sum>() {
        return Ok(false);
    }
    let [argument] = arguments else { return Ok(false) };
    let Some(wide) = wide_enough(&argument.get_type(schema)?, mean) else { return Ok(false) };
    *argument = Expr::Cast(Cast::new(Box::new(argument.clone()), wide));
    Ok(true)
}

/// The type to sum or average at, where it is not the values' own.
fn wide_enough(values: &DataType, mean: bool) -> Option<DataType> {
    match *values {
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            Some(DataType::Decimal128(precision, scale))
        }
        // Where no digit can be added behind the point, the mean has as many as its values.
        DataType::Decimal128(precision, scale)
            if mean && precision > DECIMAL128_MAX_PRECISION - MEAN_DIGITS && scale < DECIMAL128_MAX_SCALE =>
        {
            Some(DataType::Decimal256(precision, scale))
        }
        _ => None,
    }
}
