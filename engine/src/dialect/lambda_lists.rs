//! `[x, 1]` in a lambda is `make_array(x, 1)`: the planner reads the values of a list without the lambda's parameters.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, VisitorMut};

use super::grammar::expression;
use super::templates::filled;
use super::walk::visit_mut;

/// Writes out every list in a lambda.
pub(super) fn write_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Lists { lambdas: 0 });
}

struct Lists {
    /// Lambdas around what is visited.
    lambdas: usize,
}

impl VisitorMut for Lists {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.lambdas += usize::from(matches!(expr, Expr::Lambda(_)));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Lambda(_) => self.lambdas -= 1,
            Expr::Array(list) if self.lambdas > 0 && !list.elem.is_empty() => {
                let places: Vec<String> = (1..=list.elem.len()).map(|place| format!("${place}")).collect();
                if let Some(call) = expression(&format!("make_array({})", places.join(", "))) {
                    *expr = filled(&call, &list.elem);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
