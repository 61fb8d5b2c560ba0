//! Fault: ceil and floor of a decimal have the type of their argument, which need not hold the next whole number: `ceil` of 9.5 as
//! DECIMAL(2,1) fails, and so does that of every decimal without digits before the point (DataFusion 55.2).
//!
//! Correction: they give a whole number, without places and with one digit more before the point, as in DuckDB, and as `round` does
//! here. Test: `tests/sqllogictest/slt/types/whole_decimals.slt`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, internal_err};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::Analyzer;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(WholeNumbers));
}

#[derive(Debug)]
struct WholeNumbers;

impl FunctionRewrite for WholeNumbers {
    fn name(&self) -> &str {
        "maar_whole_decimals"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
        let Some(is_up) = direction(call.func.name()) else {
            return Ok(Transformed::no(Expr::ScalarFunction(call)));
        };
        let is_ours = call.func.inner().is::<Whole>();
        let [argument] = call.args.as_slice() else { return Ok(Transformed::no(Expr::ScalarFunction(call))) };
        let has_places = argument.get_type(schema).is_ok_and(|data_type| narrow(&data_type).is_some());
        if !has_places || is_ours {
            return Ok(Transformed::no(Expr::ScalarFunction(call)));
        }
        call.func = Arc::new(ScalarUDF::from(Whole { is_up, signature: Signature::any(1, Volatility::Immutable) }));
        Ok(Transformed::yes(Expr::ScalarFunction(call)))
    }
}

fn direction(function: &str) -> Option<bool> {
    match function {
        "ceil" => Some(true),
        "floor" => Some(false),
        _ => None,
    }
}

/// Precision and scale of a decimal with places.
fn narrow(data_type: &DataType) -> Option<(u8, u8)> {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => {
            u8::try_from(*scale).ok().filter(|places| *places > 0).map(|places| (*precision, places))
        }
        _ => None,
    }
}

/// The next whole number.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Whole {
    is_up: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Whole {
    fn name(&self) -> &str {
        if self.is_up { "ceil" } else { "floor" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first().and_then(narrow) {
            Some((precision, places)) => Ok(DataType::Decimal128(precision.saturating_sub(places) + 1, 0)),
            None => internal_err!("{} of what is no decimal with places", self.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [argument] = args.args.as_slice() else { return internal_err!("{} takes one argument", self.name()) };
        let is_scalar = matches!(argument, ColumnarValue::Scalar(_));
        let values = argument.to_array(args.number_rows)?;
        let Some((_, places)) = narrow(values.data_type()) else {
            return internal_err!("{} of what is no decimal with places", self.name());
        };
        let values = cast(&values, &DataType::Decimal128(DECIMAL128_MAX_PRECISION, places as i8))?;
        let unit = 10i128.pow(u32::from(places));
        let whole: Decimal128Array = values.as_primitive::<Decimal128Type>().unary(|value| {
            let below = value.div_euclid(unit);
            below + i128::from(self.is_up && below * unit != value)
        });
        let whole: ArrayRef = Arc::new(whole.with_data_type(args.return_field.data_type().clone()));
        if is_scalar {
            return Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&whole, 0)?));
        }
        Ok(ColumnarValue::Array(whole))
    }
}
