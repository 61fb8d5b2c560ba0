//! Pieces of SQL that rewrites are made from: parsed from text, with expressions and a query put in.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, TableFactor, VisitMut, VisitorMut};

use super::grammar::expression;

/// `text` with expressions in the place of names, and `query` in the place of every subquery in FROM.
pub(super) fn filled(text: &str, values: &[(&str, Expr)], query: Option<&Query>) -> Option<Expr> {
    let mut expr = expression(text)?;
    let _ = expr.visit(&mut Fill { values, query });
    Some(expr)
}

struct Fill<'a> {
    values: &'a [(&'a str, Expr)],
    query: Option<&'a Query>,
}

impl VisitorMut for Fill<'_> {
    type Break = ();

    // Behind the visit of its parts: what was put in is not looked into.
    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let (TableFactor::Derived { subquery, .. }, Some(query)) = (factor, self.query) {
            **subquery = query.clone();
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = &*expr
            && let Some((_, value)) = self.values.iter().find(|(place, _)| *place == name.value)
        {
            *expr = value.clone();
        }
        ControlFlow::Continue(())
    }
}
