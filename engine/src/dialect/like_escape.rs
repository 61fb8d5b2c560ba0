//! `LIKE ... ESCAPE ''`: no character escapes. DataFusion's planner wants one character, so that it is given one that no text
//! has a use for; `corrections/like_escape` knows it.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Value, ValueWithSpan, VisitorMut};

use super::walk::visit_mut;

/// Stands for no escape character.
pub(crate) const NO_ESCAPE: char = '\0';

pub(super) fn rewrite(statement: &mut Statement) {
    // Visiting does not fail.
    let _ = visit_mut(statement, &mut EmptyEscapes);
}

struct EmptyEscapes;

impl VisitorMut for EmptyEscapes {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Like { escape_char: Some(escape), .. } | Expr::ILike { escape_char: Some(escape), .. } = expr
            && let ValueWithSpan { value: Value::SingleQuotedString(text), .. } = escape
            && text.is_empty()
        {
            text.push(NO_ESCAPE);
        }
        ControlFlow::Continue(())
    }
}
