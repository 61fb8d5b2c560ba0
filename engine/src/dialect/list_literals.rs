//! `[a, b]` with columns in it is `make_array(a, b)`: the planner forgets the queries around a list literal, and knows no
//! column of theirs inside (DataFusion 55.2). Test: `filter/lateral.slt`.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, VisitorMut};

use super::lateral::has_column;
use super::templates::call;
use super::walk::visit_mut;

/// Writes out every list literal that names a column.
pub(super) fn write_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Lists);
}

struct Lists;

impl VisitorMut for Lists {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Array(list) = &*expr
            && list.elem.iter().any(has_column)
        {
            *expr = call("make_array", list.elem.clone());
        }
        ControlFlow::Continue(())
    }
}
