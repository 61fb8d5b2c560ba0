//! Fault: LIKE between two columns that are both dictionaries panics where all values of a batch are NULL (arrow 59.3: the
//! kernel looks into a dictionary without values).
//!
//! Correction: a pattern that is a dictionary is read as text. Test: `engine/tests/session/likes.rs`.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr::Like;
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
            Expr::Like(mut like) => match plain(&like, schema) {
                Some(plain) => {
                    *like.pattern = plain;
                    Ok(Transformed::yes(Expr::Like(like)))
                }
                None => Ok(Transformed::no(Expr::Like(like))),
            },
            other => Ok(Transformed::no(other)),
        }
    }
}

/// The pattern as text, where it is a dictionary.
fn plain(like: &Like, schema: &DFSchema) -> Option<Expr> {
    let DataType::Dictionary(_, values) = like.pattern.get_type(schema).ok()? else { return None };
    Some(Expr::Cast(Cast::new(like.pattern.clone(), *values)))
}
