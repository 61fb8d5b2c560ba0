//! Fault: `nth_value(v, v * NULL)` is an error, as the argument is no literal, though it is NULL in every row (DataFusion 55.2).
//!
//! Correction: arithmetic with a NULL in it, as an argument of a window function after the first, is NULL.
//! Test: `tests/sqllogictest/slt/windows/null_arguments.slt`.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::optimizer::Analyzer;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(NullArguments));
}

#[derive(Debug)]
struct NullArguments;

impl FunctionRewrite for NullArguments {
    fn name(&self) -> &str {
        "maar_null_window_arguments"
    }

    fn rewrite(&self, mut expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let mut changed = false;
        if let Expr::WindowFunction(function) = &mut expr {
            for argument in function.params.args.iter_mut().skip(1) {
                if !matches!(argument, Expr::Literal(..)) && is_null(argument) {
                    *argument = Expr::Literal(ScalarValue::Null, None);
                    changed = true;
                }
            }
        }
        Ok(if changed { Transformed::yes(expr) } else { Transformed::no(expr) })
    }
}

/// Whether `expr` is NULL whatever the row.
fn is_null(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => value.is_null(),
        Expr::Negative(inner) => is_null(inner),
        Expr::Cast(cast) => is_null(&cast.expr),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let is_strict = matches!(
                op,
                Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo
            );
            is_strict && (is_null(left) || is_null(right))
        }
        // Arithmetic that fails on overflow is a function here.
        Expr::ScalarFunction(call) if call.func.name().starts_with("maar_") => call.args.iter().any(is_null),
        _ => false,
    }
}
