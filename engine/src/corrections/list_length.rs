//! Fault: `length([1, 2])` is 6, the number of characters that the list has as text (DataFusion 55.2).
//!
//! Correction: the length of a list is the number of its elements, as in DuckDB. Test:
//! `tests/sqllogictest/slt/expressions/list_length.slt`.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::functions_nested::expr_fn::array_length;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, cast};
use datafusion::optimizer::Analyzer;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.analyzer().get_or_insert_with(Analyzer::new).add_function_rewrite(Arc::new(Elements));
}

#[derive(Debug)]
struct Elements;

impl FunctionRewrite for Elements {
    fn name(&self) -> &str {
        "maar_list_length"
    }

    fn rewrite(&self, mut expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let own = match &expr {
            Expr::ScalarFunction(call) if call.func.name() == "character_length" => expr.get_type(schema),
            _ => return Ok(Transformed::no(expr)),
        };
        if let (Ok(own), Expr::ScalarFunction(call)) = (own, &mut expr)
            && let [list] = call.args.as_mut_slice()
            && list.get_type(schema).is_ok_and(|data_type| is_list(&data_type))
        {
            return Ok(Transformed::yes(cast(array_length(std::mem::take(list)), own)));
        }
        Ok(Transformed::no(expr))
    }
}

fn is_list(data_type: &DataType) -> bool {
    matches!(data_type, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..))
}
