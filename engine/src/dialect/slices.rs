//! `x[2:]` is `x[2:-1]`, and `x[:2]` is `x[1:2]`: the planner wants both ends of a slice, of strings and of lists.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Subscript, VisitorMut};

use super::grammar::expression;
use super::walk::visit_mut;

/// Writes out the ends that slices leave out.
pub(super) fn write_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Slices);
}

struct Slices;

impl VisitorMut for Slices {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::CompoundFieldAccess { access_chain, .. } = expr else { return ControlFlow::Continue(()) };
        for access in access_chain {
            // A stride that goes backwards begins at the other end; it keeps to both ends written.
            if let AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride: None }) = access {
                *lower_bound = lower_bound.take().or_else(|| expression("1"));
                *upper_bound = upper_bound.take().or_else(|| expression("-1"));
            }
        }
        ControlFlow::Continue(())
    }
}
