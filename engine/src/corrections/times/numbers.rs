//! Times of two units as numbers of the finer one: wide decimals, which hold every time of every unit. Only where an expression
//! cannot be written twice (`pairs`), and for a value beside the column of a subquery.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{InSubquery, SetComparison};
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, Projection, cast};

use super::pairs::may_overflow;
use super::times_of_rows::{Time, binary};
use super::units::units_per_day;

/// The two times as numbers, if one of them was converted in a way that may overflow.
pub(super) fn numbers(left: &Time, right: &Time) -> Option<(Expr, Expr)> {
    if !may_overflow(left, right)? {
        return None;
    }
    let fine = units_per_day(&left.data_type)?.max(units_per_day(&right.data_type)?);
    Some((number(left, fine)?, number(right, fine)?))
}

fn number(time: &Time, fine: i64) -> Option<Expr> {
    let wide = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);
    let whole = match time.data_type {
        DataType::Date32 => cast(time.expr.clone(), DataType::Int32),
        _ => cast(time.expr.clone(), DataType::Int64),
    };
    let ratio = fine / units_per_day(&time.data_type)?;
    let factor = ScalarValue::Decimal128(Some(i128::from(ratio)), DECIMAL128_MAX_PRECISION, 0);
    let number = cast(whole, wide);
    Some(if ratio == 1 { number } else { binary(number, Operator::Multiply, Expr::Literal(factor, None)) })
}

/// A value and the column of a subquery as numbers, where one was converted for the other.
pub(super) fn with_subquery(expr: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let (tested, subquery) = match expr {
        Expr::InSubquery(test) => (&test.expr, &test.subquery),
        Expr::SetComparison(test) => (&test.expr, &test.subquery),
        _ => return Ok(None),
    };
    let (input, column) = match subquery.subquery.as_ref() {
        LogicalPlan::Projection(projection) if projection.expr.len() == 1 => {
            (Arc::clone(&projection.input), projection.expr[0].clone().unalias())
        }
        plan if plan.schema().fields().len() == 1 => {
            (Arc::clone(&subquery.subquery), Expr::Column(plan.schema().columns().remove(0)))
        }
        _ => return Ok(None),
    };
    let times = Time::of(tested, schema).zip(Time::of(&column, input.schema()));
    let Some((tested, column)) = times.and_then(|(tested, column)| numbers(&tested, &column)) else { return Ok(None) };
    let name = subquery.subquery.schema().field(0).name().clone();
    let mut subquery = subquery.clone();
    subquery.subquery = Arc::new(LogicalPlan::Projection(Projection::try_new(vec![column.alias(name)], input)?));
    let tested = Box::new(tested);
    Ok(match expr {
        Expr::InSubquery(test) => Some(Expr::InSubquery(InSubquery { expr: tested, subquery, negated: test.negated })),
        Expr::SetComparison(test) => {
            Some(Expr::SetComparison(SetComparison { expr: tested, subquery, ..test.clone() }))
        }
        _ => None,
    })
}
