//! Faults of parts of a difference of two times (DataFusion 55.2): `extract(epoch FROM t2 - t1)` loses what is behind the second
//! from three seconds on, and is NULL from 68 years on; the hours, minutes and seconds are those of the whole, 49 of two
//! days and an hour, and NULL where they are too many.
//!
//! Correction: the epoch is the whole in seconds, and other parts are those of days, hours, minutes and seconds written one
//! after the other, as in DuckDB and PostgreSQL. Test: `tests/sqllogictest/slt/times/duration_parts.slt`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int32Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::Analyzer;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(PartsOfDurations));
}

#[derive(Debug)]
struct PartsOfDurations;

impl FunctionRewrite for PartsOfDurations {
    fn name(&self) -> &str {
        "maar_duration_parts"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
        let part = if call.func.name() == "date_part" { part_of(&call.args, schema) } else { None };
        let Some(part) = part else { return Ok(Transformed::no(Expr::ScalarFunction(call))) };
        let taken = DurationPart { part, signature: Signature::any(1, Volatility::Immutable) };
        Ok(Transformed::yes(ScalarUDF::from(taken).call(vec![call.args.remove(1)])))
    }
}

/// The part that is taken, if it is taken from a duration.
fn part_of(args: &[Expr], schema: &DFSchema) -> Option<Part> {
    let [Expr::Literal(name, _), duration] = args else { return None };
    let is_duration = matches!(duration.get_type(schema), Ok(DataType::Duration(_)));
    Part::named(name.try_as_str()??).filter(|_| is_duration)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Epoch,
    /// So many nanoseconds long, within the next longer one.
    Of {
        length: i128,
        within: i128,
    },
}

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

impl Part {
    fn named(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let of = |length, within| Some(Self::Of { length, within });
        match lower.strip_suffix('s').unwrap_or(&lower) {
            "epoch" => Some(Self::Epoch),
            "day" => of(DAY, i128::MAX),
            "hour" => of(3600 * SECOND, DAY),
            "minute" => of(60 * SECOND, 3600 * SECOND),
            "second" => of(SECOND, 60 * SECOND),
            "millisecond" => of(1_000_000, 60 * SECOND),
            "microsecond" => of(1_000, 60 * SECOND),
            _ => None,
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DurationPart {
    part: Part,
    signature: Signature,
}

impl ScalarUDFImpl for DurationPart {
    fn name(&self) -> &str {
        "maar_duration_part"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(if self.part == Part::Epoch { DataType::Float64 } else { DataType::Int32 })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match &args.args[0] {
            ColumnarValue::Array(durations) => Ok(ColumnarValue::Array(parts(durations, self.part)?)),
            ColumnarValue::Scalar(duration) => {
                let part = parts(&duration.to_array()?, self.part)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&part, 0)?))
            }
        }
    }
}

fn parts(durations: &ArrayRef, part: Part) -> Result<ArrayRef> {
    let DataType::Duration(unit) = durations.data_type() else {
        return datafusion::common::internal_err!("{} is no duration", durations.data_type());
    };
    let unit = match unit {
        TimeUnit::Second => SECOND,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    let units = cast(durations, &DataType::Int64)?;
    let units = units.as_primitive::<Int64Type>();
    Ok(match part {
        Part::Epoch => {
            let per_second = SECOND / unit;
            let whole = |units: i64| i128::from(units) / per_second;
            let rest = |units: i64| i128::from(units) % per_second;
            let seconds: Float64Array =
                units.unary(|units| whole(units) as f64 + rest(units) as f64 / per_second as f64);
            Arc::new(seconds)
        }
        Part::Of { length, within } => {
            let parts: Int32Array = units.try_unary(|units| {
                let part = i128::from(units) * unit % within / length;
                i32::try_from(part).map_err(|_| ArrowError::ArithmeticOverflow(format!("{part} days")))
            })?;
            Arc::new(parts)
        }
    })
}
