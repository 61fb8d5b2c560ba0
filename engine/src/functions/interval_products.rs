//! `INTERVAL '1 day' * n`: as many intervals, for whole numbers, as in DuckDB and PostgreSQL. Not here: `INTERVAL (n) DAY`
//! (`dialect/intervals`).

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::{DFSchema, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, cast,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// The planner; it comes before DataFusion's own, which knows no product of an interval.
#[derive(Debug)]
pub(super) struct IntervalProducts;

impl ExprPlanner for IntervalProducts {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if raw.op != BinaryOperator::Multiply {
            return Ok(PlannerResult::Original(raw));
        }
        let (interval, times) = match (is_interval(&raw.left, schema), is_interval(&raw.right, schema)) {
            (true, false) => (raw.left, raw.right),
            (false, true) => (raw.right, raw.left),
            _ => return Ok(PlannerResult::Original(raw)),
        };
        let given = times.get_type(schema)?;
        if !given.is_integer() && !given.is_null() {
            return plan_err!("an interval is multiplied by a whole number: cast the other factor to BIGINT");
        }
        let product = ScalarUDF::from(Product { signature: Signature::any(2, Volatility::Immutable) });
        Ok(PlannerResult::Planned(product.call(vec![interval, cast(times, DataType::Int64)])))
    }
}

/// Most products are of columns and of other products: those are known without working out types.
fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, right, .. }) => is_interval(left, schema) && is_interval(right, schema),
        Expr::Negative(inner) => is_interval(inner, schema),
        _ => expr.get_type(schema).is_ok_and(|data_type| matches!(data_type, DataType::Interval(_))),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Product {
    signature: Signature,
}

impl ScalarUDFImpl for Product {
    fn name(&self) -> &str {
        "maar_interval_product"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(INTERVAL)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { args.number_rows };
        let (intervals, times) = (args.args[0].to_array(rows)?, args.args[1].to_array(rows)?);
        let intervals = cast_array(&intervals, &INTERVAL)?;
        let pairs = intervals.as_primitive::<IntervalMonthDayNanoType>().iter().zip(times.as_primitive::<Int64Type>());
        let product = |(interval, times): (Option<IntervalMonthDayNano>, Option<i64>)| match (interval, times) {
            (Some(interval), Some(times)) => multiplied(interval, times).map(Some),
            _ => Ok(None),
        };
        let products: IntervalMonthDayNanoArray = pairs.map(product).collect::<Result<Vec<_>>>()?.into();
        let products: ArrayRef = Arc::new(products);
        match is_scalar {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&products, 0)?)),
            false => Ok(ColumnarValue::Array(products)),
        }
    }
}

fn multiplied(interval: IntervalMonthDayNano, times: i64) -> Result<IntervalMonthDayNano> {
    let of_units = |units: i32| i32::try_from(i64::from(units).checked_mul(times)?).ok();
    let product = || {
        let nanoseconds = interval.nanoseconds.checked_mul(times)?;
        Some(IntervalMonthDayNano::new(of_units(interval.months)?, of_units(interval.days)?, nanoseconds))
    };
    product().ok_or_else(|| exec_datafusion_err!("an interval is too long: {times} times what is multiplied"))
}
