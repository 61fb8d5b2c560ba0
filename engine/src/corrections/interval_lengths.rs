//! Fault: intervals are compared by their months, then days, then time of day (DataFusion 55.2), so that 25 hours are less than
//! a day; and a difference of two times has hours alone: `t2 - t1 > INTERVAL '1 day'` is never true.
//!
//! Correction: they are compared by their lengths, a month of 30 days and a day of 24 hours, as in DuckDB and PostgreSQL, in
//! comparisons, BETWEEN and IN. Test: `tests/sqllogictest/slt/times/interval_lengths.slt`.
//!
//! Not here: keys, sorting, MIN and MAX.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast,
};
use datafusion::optimizer::Analyzer;

const NANOSECONDS_PER_DAY: i128 = 86_400_000_000_000;
const DAYS_PER_MONTH: i128 = 30;
const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
/// Nanoseconds of any interval.
const LENGTH: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(CompareLengths));
}

#[derive(Debug)]
struct CompareLengths;

impl FunctionRewrite for CompareLengths {
    fn name(&self) -> &str {
        "maar_interval_lengths"
    }

    fn rewrite(&self, mut expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let changed = match &mut expr {
            Expr::BinaryExpr(binary) if binary.op.supports_propagation() => {
                measure(&mut [&mut binary.left, &mut binary.right], schema)
            }
            Expr::Between(between) => measure(&mut [&mut between.expr, &mut between.low, &mut between.high], schema),
            Expr::InList(list) => {
                let mut operands: Vec<&mut Expr> = vec![&mut list.expr];
                operands.extend(list.list.iter_mut());
                measure(&mut operands, schema)
            }
            _ => false,
        };
        Ok(Transformed::new_transformed(expr, changed))
    }
}

/// Puts lengths in the place of intervals that are compared with each other, with durations or with texts that are intervals.
fn measure(operands: &mut [&mut Expr], schema: &DFSchema) -> bool {
    if operands.iter().any(|operand| is_other_literal(operand)) {
        return false;
    }
    let kinds: Vec<Kind> = operands.iter().map(|operand| Kind::of(operand, schema)).collect();
    let has = |wanted: Kind| kinds.contains(&wanted);
    let differ = has(Kind::Interval) || (has(Kind::Duration) && has(Kind::Text));
    if !differ || has(Kind::Other) {
        return false;
    }
    for (operand, kind) in operands.iter_mut().zip(kinds) {
        let taken = std::mem::take(*operand);
        **operand = match kind {
            Kind::Text => length(cast(taken, INTERVAL)),
            _ => length(taken),
        };
    }
    true
}

/// A literal that no interval is compared with: most comparisons are known by it.
fn is_other_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if !value.is_null() && Kind::with_type(&value.data_type()) == Kind::Other)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Interval,
    Duration,
    /// A literal text.
    Text,
    Null,
    Other,
}

impl Kind {
    fn of(expr: &Expr, schema: &DFSchema) -> Self {
        match expr.get_type(schema).map_or(Self::Other, |data_type| Self::with_type(&data_type)) {
            Self::Text if !matches!(expr, Expr::Literal(..)) => Self::Other,
            kind => kind,
        }
    }

    fn with_type(data_type: &DataType) -> Self {
        match data_type {
            DataType::Interval(_) => Self::Interval,
            DataType::Duration(_) => Self::Duration,
            DataType::Null => Self::Null,
            text if text.is_string() => Self::Text,
            _ => Self::Other,
        }
    }
}

fn length(interval: Expr) -> Expr {
    ScalarUDF::from(Length { signature: Signature::any(1, Volatility::Immutable) }).call(vec![interval])
}

/// Nanoseconds of an interval or a duration.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Length {
    signature: Signature,
}

impl ScalarUDFImpl for Length {
    fn name(&self) -> &str {
        "maar_interval_length"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(LENGTH)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match &args.args[0] {
            ColumnarValue::Array(intervals) => Ok(ColumnarValue::Array(lengths(intervals)?)),
            ColumnarValue::Scalar(interval) => {
                let length = lengths(&interval.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&length, 0)?))
            }
        }
    }
}

fn lengths(intervals: &ArrayRef) -> Result<ArrayRef> {
    let lengths: Decimal128Array = match intervals.data_type() {
        DataType::Duration(unit) => {
            let factor = nanoseconds(*unit);
            let units = cast_array(intervals, &DataType::Int64)?;
            units.as_primitive::<Int64Type>().unary(|units| i128::from(units) * factor)
        }
        DataType::Null => return Ok(cast_array(intervals, &LENGTH)?),
        _ => {
            let intervals = cast_array(intervals, &INTERVAL)?;
            intervals.as_primitive::<IntervalMonthDayNanoType>().unary(|interval| {
                let days = i128::from(interval.months) * DAYS_PER_MONTH + i128::from(interval.days);
                days * NANOSECONDS_PER_DAY + i128::from(interval.nanoseconds)
            })
        }
    };
    Ok(Arc::new(lengths.with_data_type(LENGTH)))
}

fn nanoseconds(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}
