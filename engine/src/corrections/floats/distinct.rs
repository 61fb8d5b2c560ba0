//! `approx_distinct` of floats, which the host has not: it counts the bits of their canonical form. Test:
//! `aggregate/approx_distinct.slt`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int32Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    WindowFunctionDefinition,
};

use super::canonical::{Form, canonical};

const NAME: &str = "approx_distinct";

/// Puts the bits in the place of the floats.
#[derive(Debug)]
pub(super) struct CountBits;

impl FunctionRewrite for CountBits {
    fn name(&self) -> &str {
        "maar_distinct_floats"
    }

    fn rewrite(&self, mut expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let args = match &mut expr {
            Expr::AggregateFunction(call) if call.func.name() == NAME => &mut call.params.args,
            Expr::WindowFunction(call) => match &call.fun {
                WindowFunctionDefinition::AggregateUDF(function) if function.name() == NAME => &mut call.params.args,
                _ => return Ok(Transformed::no(expr)),
            },
            _ => return Ok(Transformed::no(expr)),
        };
        let mut changed = false;
        for arg in args {
            if arg.get_type(schema).is_ok_and(|data_type| data_type.is_floating()) {
                let bits = ScalarUDF::from(Bits { signature: Signature::any(1, Volatility::Immutable) });
                *arg = bits.call(vec![std::mem::take(arg)]);
                changed = true;
            }
        }
        Ok(Transformed::new_transformed(expr, changed))
    }
}

/// The bits of floats, the same for floats that are equal.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bits {
    signature: Signature,
}

impl ScalarUDFImpl for Bits {
    fn name(&self) -> &str {
        "maar_float_bits"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(if types == [DataType::Float64] { DataType::Int64 } else { DataType::Int32 })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let floats = canonical(&args.args[0].to_array(args.number_rows)?, Form::NanAndZero)?;
        let bits: ArrayRef = if floats.data_type() == &DataType::Float64 {
            let bits: Int64Array =
                floats.as_primitive::<Float64Type>().unary(|value| i64::from_ne_bytes(value.to_ne_bytes()));
            Arc::new(bits)
        } else {
            let floats = cast(&floats, &DataType::Float32)?;
            let bits: Int32Array =
                floats.as_primitive::<Float32Type>().unary(|value| i32::from_ne_bytes(value.to_ne_bytes()));
            Arc::new(bits)
        };
        Ok(ColumnarValue::Array(bits))
    }
}
