//! Fault: LIKE between two columns of which one is a dictionary panics where all values of a batch are NULL (arrow 59.3: the
//! kernel looks into a dictionary without values).
//!
//! Correction: a pattern that is a dictionary is read as text, and so is what a pattern that is no literal is compared with. Test: `engine/tests/session/likes.rs`.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable};
use datafusion::optimizer::Analyzer;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(PlainPatterns));
}

#[derive(Debug)]
struct PlainPatterns;

impl FunctionRewrite for PlainPatterns {
    fn name(&self) -> &str {
        "maar_like_dictionaries"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::Like(mut like) => {
                let is_literal = matches!(like.pattern.as_ref(), Expr::Literal(..));
                let changed = !is_literal && make_plain(&mut like.expr, schema) | make_plain(&mut like.pattern, schema);
                Ok(Transformed::new_transformed(Expr::Like(like), changed))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

/// Makes a dictionary text. False where it is none.
fn make_plain(operand: &mut Expr, schema: &DFSchema) -> bool {
    let Ok(DataType::Dictionary(_, values)) = operand.get_type(schema) else { return false };
    *operand = Expr::Cast(Cast::new(Box::new(std::mem::take(operand)), *values));
    true
}
