//! Fault: how many digits `round(d, 1)` has is known only once its second argument is a constant of the function's own type. While
//! types are settled that is a cast of one, and a comparison is made for more digits than come (DataFusion 55.2):
//! `d = round(d, 1)` of a DECIMAL column is 'Invalid comparison operation: DECIMAL(16, 2) == DECIMAL(15, 1)'.
//!
//! Correction: the number is a constant of that type from the start. Found by the property test, seed 28.
//! Test: `tests/sqllogictest/slt/expressions/round_digits.slt`.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::optimizer::Analyzer;

/// The functions whose digits hang on their second argument.
const FUNCTIONS: [&str; 2] = ["round", "trunc"];

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(RoundDigits));
}

#[derive(Debug)]
struct RoundDigits;

impl FunctionRewrite for RoundDigits {
    fn name(&self) -> &str {
        "maar_round_digits"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
        let digits = match call.args.as_slice() {
            [_, digits] if FUNCTIONS.contains(&call.func.name()) => constant(digits),
            _ => None,
        };
        let Some(digits) = digits else { return Ok(Transformed::no(Expr::ScalarFunction(call))) };
        call.args[1] = Expr::Literal(ScalarValue::Int32(Some(digits)), None);
        Ok(Transformed::yes(Expr::ScalarFunction(call)))
    }
}

/// A constant of another type than the function's.
fn constant(digits: &Expr) -> Option<i32> {
    match digits {
        Expr::Literal(ScalarValue::Int64(Some(digits)), _) => i32::try_from(*digits).ok(),
        Expr::Negative(digits) => constant(digits)?.checked_neg(),
        _ => None,
    }
}
