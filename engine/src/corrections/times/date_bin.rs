//! `date_bin` of a time before 1677 or after 2262: the host goes through nanoseconds and gives NULL where they do not reach
//! (DataFusion 55.2). It is an error that says so. Test: `times/date_bin.slt`.

use std::sync::Arc;

use datafusion::arrow::array::Array;
use datafusion::arrow::datatypes::{DataType, FieldRef, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, exec_err};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::optimizer::Analyzer;

const NAME: &str = "date_bin";

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(FarTimes));
}

#[derive(Debug)]
struct FarTimes;

impl FunctionRewrite for FarTimes {
    fn name(&self) -> &str {
        "maar_far_date_bin"
    }

    fn rewrite(&self, mut expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match &mut expr {
            Expr::ScalarFunction(call)
                if call.func.name() == NAME
                    && call.func.inner().downcast_ref::<DateBin>().is_none()
                    && call.args.get(1).and_then(|time| time.get_type(schema).ok()).is_some_and(reaches_far) =>
            {
                call.func = Arc::new(ScalarUDF::from(DateBin { host: Arc::clone(&call.func) }));
                Ok(Transformed::yes(expr))
            }
            _ => Ok(Transformed::no(expr)),
        }
    }
}

fn reaches_far(data_type: DataType) -> bool {
    matches!(data_type, DataType::Timestamp(unit, _) if unit != TimeUnit::Nanosecond)
}

/// The host's function, whose NULLs are looked at.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DateBin {
    host: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for DateBin {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        self.host.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.host.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.host.return_field_from_args(args)
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> Result<SortProperties> {
        self.host.output_ordering(input)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let given = args.args.iter().map(|value| value.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let binned = self.host.invoke_with_args(args)?;
        let bins = binned.to_array(rows)?;
        let is_lost = |row: &usize| bins.is_null(*row) && given.iter().all(|value| value.is_valid(*row));
        match bins.null_count() > 0 && (0..rows).any(|row| is_lost(&row)) {
            false => Ok(binned),
            true => exec_err!(
                "date_bin reaches from the year 1678 to 2261, and a time lies outside. date_trunc('day', ...) takes any year"
            ),
        }
    }
}
