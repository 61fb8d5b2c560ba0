//! Fault: `nth_value(x, -1) OVER (...)` counts from the end of the frame, and `nth_value(x, 0)` is NULL (DataFusion 55.2). SQL
//! counts rows from 1, and PostgreSQL refuses both.
//!
//! Correction: such a number is an error. Test: `tests/sqllogictest/slt/windows/nth_value.slt`.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::optimizer::Analyzer;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(FromTheStart));
}

#[derive(Debug)]
struct FromTheStart;

impl FunctionRewrite for FromTheStart {
    fn name(&self) -> &str {
        "maar_nth_value"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        if let Expr::WindowFunction(window) = &expr
            && window.fun.name() == "nth_value"
            && let Some(number @ Expr::Literal(value, _)) = window.params.args.get(1)
            && value.to_string().parse::<i128>().is_ok_and(|number| number < 1)
        {
            return datafusion::common::plan_err!("nth_value counts rows from 1, and {number} is none of them");
        }
        Ok(Transformed::no(expr))
    }
}
