//! Fault: a comparison of `extract(year FROM t)` with a year becomes one of `t` with the ends of that year, and an end that the
//! type cannot hold becomes NULL (DataFusion 55.2): `extract(year FROM t) < 3000` has no row where `t` counts nanoseconds, which
//! end in 2262.
//!
//! Correction: where an end is none, the comparison stays one of years. Found by the property test, seed 2000545.
//! Test: `tests/sqllogictest/slt/times/years.slt`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::optimizer::Analyzer;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(Years));
}

#[derive(Debug)]
struct Years;

impl FunctionRewrite for Years {
    fn name(&self) -> &str {
        "maar_years"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::ScalarFunction(mut call)
                if call.func.name() == "date_part" && !call.func.inner().is::<WithinType>() =>
            {
                call.func = Arc::new(ScalarUDF::from(WithinType { inner: Arc::clone(&call.func) }));
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

/// The host's `date_part`, but for years whose ends its argument's type cannot hold.
#[derive(Debug, PartialEq, Eq, Hash)]
struct WithinType {
    inner: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for WithinType {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(args)
    }

    fn preimage(&self, args: &[Expr], literal: &Expr, info: &SimplifyContext) -> Result<PreimageResult> {
        Ok(match self.inner.preimage(args, literal, info)? {
            PreimageResult::Range { interval, .. } if interval.lower().is_null() || interval.upper().is_null() => {
                PreimageResult::None
            }
            other => other,
        })
    }
}
