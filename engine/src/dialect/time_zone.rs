//! The session's zone as PostgreSQL and MySQL set it: `SET TIME ZONE 'x'` and `SET time_zone = 'x'` are `SET timezone = 'x'`. And
//! AT TIME ZONE among VALUES, which the planner makes a cast like those by which it brings a column to one type: it is
//! wrapped, for those casts go by the session's zone (`corrections/times/zones`).
//!
//! Not here: whether there is such a zone (`options`).

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, Query, Set, SetExpr, Statement as SqlStatement, VisitorMut,
};

use super::casts::wrapped;
use super::walk::visit_mut;

const KNOWN: &str = "timezone";

/// Spells the setting of the zone as the planner knows it.
pub(super) fn respell(statement: &mut Statement) {
    let Statement::Statement(inner) = statement else { return };
    let SqlStatement::Set(set) = inner.as_mut() else { return };
    match set {
        Set::SetTimeZone { local: false, value } => {
            *set = Set::SingleAssignment {
                scope: None,
                hivevar: false,
                variable: ObjectName::from(vec![Ident::new(KNOWN)]),
                values: vec![value.clone()],
            };
        }
        Set::SingleAssignment { variable, .. } if variable.to_string().eq_ignore_ascii_case("time_zone") => {
            *variable = ObjectName::from(vec![Ident::new(KNOWN)]);
        }
        _ => {}
    }
}

/// Wraps the times of VALUES that are written AT TIME ZONE.
pub(super) fn keep_apart(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Listed);
}

struct Listed;

impl VisitorMut for Listed {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Values(values) = query.body.as_mut() {
            for value in values.rows.iter_mut().flat_map(|row| row.content.iter_mut()).filter(|value| is_zoned(value)) {
                let zoned = std::mem::replace(value, Expr::Identifier(Ident::new("")));
                *value = wrapped(zoned);
            }
        }
        ControlFlow::Continue(())
    }
}

fn is_zoned(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_zoned(inner),
        other => matches!(other, Expr::AtTimeZone { .. }),
    }
}
