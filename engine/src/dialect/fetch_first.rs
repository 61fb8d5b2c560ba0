//! `FETCH FIRST n ROWS ONLY` is LIMIT n; without a number it is one row. WITH TIES and PERCENT stay, and are refused.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Fetch, LimitClause, Query, VisitorMut};

use super::grammar::expression;
use super::walk::visit_mut;

/// Writes every FETCH as LIMIT.
pub(super) fn as_limit(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Limits);
}

struct Limits;

impl VisitorMut for Limits {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let limit = match &query.fetch {
            Some(Fetch { with_ties: false, percent: false, quantity }) => quantity.clone().or_else(|| expression("1")),
            _ => None,
        };
        match (&mut query.limit_clause, limit) {
            (Some(LimitClause::LimitOffset { limit: own @ None, .. }), Some(limit)) => *own = Some(limit),
            (none @ None, Some(limit)) => {
                *none = Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by: Vec::new() });
            }
            _ => return ControlFlow::Continue(()),
        }
        query.fetch = None;
        ControlFlow::Continue(())
    }
}
