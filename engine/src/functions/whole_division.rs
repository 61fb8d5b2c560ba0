//! `a // b`, as in DuckDB, is `a / b`: of integers a whole number already. `a DIV b`, as in Spark and MySQL, is a whole number
//! whatever the operands are.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::functions::expr_fn::trunc;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, binary_expr, cast};
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// The planner; it comes before DataFusion's own.
#[derive(Debug)]
pub(super) struct WholeDivision;

impl ExprPlanner for WholeDivision {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let is_integer = |side: &Expr| side.get_type(schema).is_ok_and(|given| given.is_integer() || given.is_null());
        let of_integers = is_integer(&raw.left) && is_integer(&raw.right);
        let is_whole = match raw.op {
            BinaryOperator::DuckIntegerDivide => true,
            BinaryOperator::MyIntegerDivide => of_integers,
            _ => return Ok(PlannerResult::Original(raw)),
        };
        let quotient = binary_expr(raw.left, Operator::Divide, raw.right);
        Ok(PlannerResult::Planned(match is_whole {
            true => quotient,
            false => cast(trunc(vec![quotient]), DataType::Int64),
        }))
    }
}
