//! CAST(x AS TIMESTAMP) counts nanoseconds in the host (DataFusion 55.2), which end in 2262, whatever `x` counts, and fails for
//! times that microseconds hold: 9999-12-31 is a common one. A time keeps its unit, and a date becomes one of
//! microseconds, as in DuckDB and PostgreSQL. Test: `times/own_unit.slt`.
//!
//! Not here: which casts they are (`dialect/own_units`): `TIMESTAMP(9)` is one of nanoseconds, and so is what INSERT puts into
//! such a column.

use std::sync::Arc;

use datafusion::arrow::compute::CastOptions;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TryCast,
    Volatility,
};

use super::clocks::OnFailure;

/// The cast, until the plan says what type its operand has.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TimestampOf {
    /// TIMESTAMP WITH TIME ZONE, of this zone.
    zoned: Option<Option<Arc<str>>>,
    on_failure: OnFailure,
    signature: Signature,
}

impl TimestampOf {
    /// All of them, in a session of that zone.
    pub(crate) fn functions(zone: Option<&str>) -> Vec<Arc<ScalarUDF>> {
        let zoned = [None, Some(zone.map(Arc::from))];
        let both = zoned.into_iter().flat_map(|zoned| {
            [OnFailure::Error, OnFailure::Null].map(|on_failure| {
                let signature = Signature::any(1, Volatility::Immutable);
                Arc::new(ScalarUDF::from(Self { zoned: zoned.clone(), on_failure, signature }))
            })
        });
        both.collect()
    }

    pub(crate) fn name(has_zone: bool, is_try: bool) -> &'static str {
        match (has_zone, is_try) {
            (false, false) => "maar_timestamp",
            (false, true) => "maar_try_timestamp",
            (true, false) => "maar_timestamp_with_zone",
            (true, true) => "maar_try_timestamp_with_zone",
        }
    }

    /// The type of the cast of a value of type `from`.
    fn of(&self, from: &DataType) -> DataType {
        let unit = match from {
            DataType::Timestamp(unit, _) => *unit,
            DataType::Date32 | DataType::Date64 => TimeUnit::Microsecond,
            _ => TimeUnit::Nanosecond,
        };
        DataType::Timestamp(unit, self.zoned.clone().flatten())
    }

    fn cast(&self, operand: Expr, from: &DataType) -> Expr {
        let (operand, to) = (Box::new(operand), self.of(from));
        match self.on_failure {
            OnFailure::Error => Expr::Cast(Cast::new(operand, to)),
            OnFailure::Null => Expr::TryCast(TryCast::new(operand, to)),
        }
    }
}

impl ScalarUDFImpl for TimestampOf {
    fn name(&self) -> &str {
        Self::name(self.zoned.is_some(), self.on_failure == OnFailure::Null)
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let names: String = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        let cast = if self.on_failure == OnFailure::Null { "TRY_CAST" } else { "CAST" };
        let zone = if self.zoned.is_some() { " WITH TIME ZONE" } else { "" };
        Ok(format!("{cast}({names} AS TIMESTAMP{zone})"))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [from] => Ok(self.of(from)),
            _ => datafusion::common::internal_err!("{} takes one argument", self.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let options = CastOptions { safe: self.on_failure == OnFailure::Null, ..CastOptions::default() };
        args.args[0].cast_to(args.return_field.data_type(), Some(&options))
    }
}

/// Puts the host's cast, to the right unit, in its place.
#[derive(Debug)]
pub(super) struct OwnUnits;

impl FunctionRewrite for OwnUnits {
    fn name(&self) -> &str {
        "maar_own_units"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
        let cast = match (call.func.inner().downcast_ref::<TimestampOf>(), call.args.as_slice()) {
            (Some(cast), [operand]) => operand.get_type(schema).ok().map(|from| (cast, from)),
            _ => None,
        };
        match cast {
            Some((cast, from)) => Ok(Transformed::yes(cast.cast(std::mem::take(&mut call.args[0]), &from))),
            None => Ok(Transformed::no(Expr::ScalarFunction(call))),
        }
    }
}
