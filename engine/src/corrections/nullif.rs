//! Fault: NULLIF brings both arguments to one type and gives that (DataFusion 55.2): `nullif(d, t)` of a date and a time is a
//! time, and `nullif(9007199254740993, 1.0)` is 9007199254740992.
//!
//! Correction: it gives its first argument as it is, as in DuckDB; only the comparison looks at both as one type. Arguments of
//! one type stay the host's. Test: `tests/sqllogictest/slt/types/nullif.slt`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::{SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast, lit,
    when,
};
use datafusion::optimizer::Analyzer;

const NAME: &str = "nullif";

pub(super) fn install(builder: &mut SessionStateBuilder) {
    let functions = builder.scalar_functions().get_or_insert_with(SessionStateDefaults::default_scalar_functions);
    for function in functions.iter_mut().filter(|function| function.name() == NAME) {
        let signature = Signature::user_defined(Volatility::Immutable);
        *function = Arc::new(ScalarUDF::from(NullIf { host: Arc::clone(function), signature }));
    }
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(AsFirst));
}

/// NULLIF until types are known.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NullIf {
    host: Arc<ScalarUDF>,
    signature: Signature,
}

/// Whether values of the two types compare, and the first keeps its type.
fn keeps_first(types: &[DataType]) -> bool {
    let is_time =
        |data_type: &DataType| matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..));
    let [first, second] = types else { return false };
    let compare = (first.is_numeric() && second.is_numeric()) || (is_time(first) && is_time(second));
    compare && first != second
}

impl ScalarUDFImpl for NullIf {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if keeps_first(types) {
            return Ok(types.to_vec());
        }
        let given = types.iter().map(|data_type| Arc::new(Field::new("value", data_type.clone(), true)));
        let taken = fields_with_udf(&given.collect::<Vec<_>>(), self.host.as_ref())?;
        Ok(taken.iter().map(|field| field.data_type().clone()).collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.host.return_type(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.host.invoke_with_args(args)
    }
}

#[derive(Debug)]
struct AsFirst;

impl FunctionRewrite for AsFirst {
    fn name(&self) -> &str {
        "maar_nullif"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
        let Some(ours) = call.func.inner().downcast_ref::<NullIf>() else {
            return Ok(Transformed::no(Expr::ScalarFunction(call)));
        };
        let host = Arc::clone(&ours.host);
        let types = call.args.iter().map(|arg| arg.get_type(schema)).collect::<Result<Vec<_>>>().unwrap_or_default();
        let ([first, second], true) = (call.args.as_slice(), keeps_first(&types)) else {
            call.func = host;
            return Ok(Transformed::yes(Expr::ScalarFunction(call)));
        };
        Ok(Transformed::yes(if first.is_volatile() {
            cast(host.call(call.args.clone()), types[0].clone())
        } else {
            when(first.clone().eq(second.clone()), lit(ScalarValue::Null)).otherwise(first.clone())?
        }))
    }
}
