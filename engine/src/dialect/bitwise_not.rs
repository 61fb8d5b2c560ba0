//! `~x` is `x ^ -1`: the planner lacks the complement.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, UnaryOperator, VisitorMut};

use super::grammar::expression;
use super::templates::filled;
use super::walk::visit_mut;

/// Writes out every complement.
pub(super) fn write_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Complements);
}

struct Complements;

impl VisitorMut for Complements {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::UnaryOp { op: UnaryOperator::BitwiseNot, expr: operand } = expr
            && let Some(template) = expression("($1 ^ -1)")
        {
            *expr = filled(&template, std::slice::from_ref(operand));
        }
        ControlFlow::Continue(())
    }
}
