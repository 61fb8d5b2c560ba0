//! Hides, while SQL is planned, the sums and products of literals that overflow. Arguments of table functions and of EXECUTE
//! are folded there and then, before any rule of ours sees them.

use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::hidden::hidden;

/// The planner; it comes before DataFusion's own.
#[derive(Debug)]
pub(super) struct HideOverflow;

impl ExprPlanner for HideOverflow {
    fn plan_binary_op(&self, raw: RawBinaryExpr, _: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let Some(op) = arithmetic(&raw.op).filter(|op| overflows(&raw.left, *op, &raw.right)) else {
            return Ok(PlannerResult::Original(raw));
        };
        let binary = BinaryExpr::new(Box::new(raw.left), op, Box::new(raw.right));
        Ok(PlannerResult::Planned(hidden(binary)))
    }
}

fn arithmetic(op: &BinaryOperator) -> Option<Operator> {
    match op {
        BinaryOperator::Plus => Some(Operator::Plus),
        BinaryOperator::Minus => Some(Operator::Minus),
        BinaryOperator::Multiply => Some(Operator::Multiply),
        _ => None,
    }
}

/// Only for literals of one integer type: what is not yet coerced cannot be computed.
fn overflows(left: &Expr, op: Operator, right: &Expr) -> bool {
    let (Expr::Literal(left, _), Expr::Literal(right, _)) = (left, right) else { return false };
    if !left.data_type().is_integer() || left.data_type() != right.data_type() {
        return false;
    }
    let result = match op {
        Operator::Plus => left.add_checked(right),
        Operator::Minus => left.sub_checked(right),
        _ => left.mul_checked(right),
    };
    result.is_err()
}
