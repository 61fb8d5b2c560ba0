//! `GROUP BY ()` makes one group of all rows, also of none, and `GROUP BY (), a` is `GROUP BY a`.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, GroupByExpr, Select, VisitorMut};

use super::grammar::expression;
use super::walk::visit_mut;

/// Leaves out keys without columns. What is left of a query of one group is a HAVING, which `having` makes one of a group.
pub(super) fn leave_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut NoColumns);
}

struct NoColumns;

impl VisitorMut for NoColumns {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let GroupByExpr::Expressions(keys, modifiers) = &mut select.group_by else { return ControlFlow::Continue(()) };
        let all = keys.len();
        keys.retain(|key| !matches!(key, Expr::Tuple(columns) if columns.is_empty()));
        if keys.len() < all && keys.is_empty() && modifiers.is_empty() && select.having.is_none() {
            select.having = expression("true");
        }
        ControlFlow::Continue(())
    }
}
