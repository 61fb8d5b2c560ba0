//! Faults of dates that meet numbers (DataFusion 55.2). The difference of two dates is a number of days, but bounds of it are
//! worked out as durations: `WHERE d - DATE '1999-12-01' > 5` is an internal error. A date that is compared with a number is
//! compared as the day of that number since 1970: `d > 20000101` is never true.
//!
//! Correction: a difference of dates is one of integers. The comparison is an error, as in DuckDB and PostgreSQL. Test:
//! `tests/sqllogictest/slt/times/date_numbers.slt`.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, cast};
use datafusion::optimizer::Analyzer;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(DatesAndNumbers));
}

#[derive(Debug)]
struct DatesAndNumbers;

impl FunctionRewrite for DatesAndNumbers {
    fn name(&self) -> &str {
        "maar_dates_and_numbers"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::BinaryExpr(binary) if binary.op == Operator::Minus => {
                let are_dates = is_date(&binary.left, schema) && is_date(&binary.right, schema);
                Ok(if are_dates { Transformed::yes(days(binary)) } else { Transformed::no(Expr::BinaryExpr(binary)) })
            }
            Expr::BinaryExpr(binary) => {
                if binary.op.supports_propagation() {
                    check(&binary.left, &binary.right, schema)?;
                    check(&binary.right, &binary.left, schema)?;
                }
                Ok(Transformed::no(Expr::BinaryExpr(binary)))
            }
            Expr::Between(between) => {
                check(&between.expr, &between.low, schema)?;
                check(&between.expr, &between.high, schema)?;
                Ok(Transformed::no(Expr::Between(between)))
            }
            Expr::InList(list) => {
                list.list.iter().try_for_each(|item| check(&list.expr, item, schema))?;
                Ok(Transformed::no(Expr::InList(list)))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

fn is_date(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Date32))
}

/// The days between two dates. Every date is one of 32 bits.
fn days(difference: BinaryExpr) -> Expr {
    let number = |date: Expr| Box::new(cast(cast(date, DataType::Int32), DataType::Int64));
    let BinaryExpr { left, op, right } = difference;
    Expr::BinaryExpr(BinaryExpr::new(number(*left), op, number(*right)))
}

/// # Errors
/// Where `tested` is a date and `other` an integer that is written in the query.
fn check(tested: &Expr, other: &Expr, schema: &DFSchema) -> Result<()> {
    if let Expr::Literal(value, _) = other
        && is_integer(value)
        && is_date(tested, schema)
    {
        return plan_err!("a date is compared with the number {value}; a date is written DATE '2000-01-31'");
    }
    Ok(())
}

fn is_integer(value: &ScalarValue) -> bool {
    !value.is_null() && value.data_type().is_integer()
}
