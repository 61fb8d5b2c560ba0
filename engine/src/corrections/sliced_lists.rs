//! Fault: a cast of a list to FixedSizeList takes the values from the beginning of the array that the lists lie in, also where
//! the lists at hand are a slice of it, so that rows behind an OFFSET get those before it (arrow 59.3).
//!
//! Correction: such a cast is given a copy of the lists, which begins at their first. Test: `engine/tests/session/lists.rs`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::Analyzer;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(CopyLists));
}

#[derive(Debug)]
struct CopyLists;

impl FunctionRewrite for CopyLists {
    fn name(&self) -> &str {
        "maar_sliced_lists"
    }

    fn rewrite(&self, mut expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let input = match &mut expr {
            Expr::Cast(cast) if has_fixed_lists(cast.field.data_type()) => Some(cast.expr.as_mut()),
            Expr::TryCast(cast) if has_fixed_lists(cast.field.data_type()) => Some(cast.expr.as_mut()),
            Expr::ScalarFunction(call) if casts_to_fixed_lists(call) => call.args.first_mut(),
            _ => None,
        };
        let Some(input) = input else { return Ok(Transformed::no(expr)) };
        if !input.get_type(schema).is_ok_and(|data_type| data_type.is_nested()) {
            return Ok(Transformed::no(expr));
        }
        let copy = ScalarUDF::from(Copy { signature: Signature::any(1, Volatility::Immutable) });
        let lists = std::mem::take(input);
        *input = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(copy), vec![lists]));
        Ok(Transformed::yes(expr))
    }
}

fn has_fixed_lists(data_type: &DataType) -> bool {
    match data_type {
        DataType::FixedSizeList(..) => true,
        DataType::List(field) | DataType::LargeList(field) => has_fixed_lists(field.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_fixed_lists(field.data_type())),
        _ => false,
    }
}

/// `arrow_cast` becomes a cast after this.
fn casts_to_fixed_lists(call: &ScalarFunction) -> bool {
    matches!(call.func.name(), "arrow_cast" | "arrow_try_cast")
        && call.args.get(1).is_some_and(|target| {
            let Expr::Literal(value, _) = target else { return false };
            value.try_as_str().flatten().is_some_and(|text| text.contains("FixedSizeList"))
        })
}

/// Its argument, copied.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Copy {
    signature: Signature,
}

impl ScalarUDFImpl for Copy {
    fn name(&self) -> &str {
        "copied"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(ColumnarValue::Array(lists)) => {
                let all = UInt32Array::from_iter_values(0..lists.len() as u32);
                Ok(ColumnarValue::Array(take(&lists, &all, None)?))
            }
            Some(one) => Ok(one),
            None => Ok(ColumnarValue::Scalar(ScalarValue::Null)),
        }
    }
}
