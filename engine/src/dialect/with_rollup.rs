//! `GROUP BY a, b WITH ROLLUP`, as Spark and MySQL have it, is `GROUP BY ROLLUP (a, b)`, and WITH CUBE likewise: the planner
//! leaves the modifier out.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, GroupByExpr, GroupByWithModifier, Select, VisitorMut};

use super::walk::visit_mut;

/// Writes out every modifier of listed columns.
pub(super) fn write_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Modifiers);
}

struct Modifiers;

impl VisitorMut for Modifiers {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if let GroupByExpr::Expressions(keys, modifiers) = &mut select.group_by
            && let [modifier] = modifiers.as_slice()
        {
            let sets = |keys: &mut Vec<Expr>| std::mem::take(keys).into_iter().map(|key| vec![key]).collect();
            let written = match modifier {
                GroupByWithModifier::Rollup => Expr::Rollup(sets(keys)),
                GroupByWithModifier::Cube => Expr::Cube(sets(keys)),
                GroupByWithModifier::Totals | GroupByWithModifier::GroupingSets(_) => return ControlFlow::Continue(()),
            };
            *keys = vec![written];
            modifiers.clear();
        }
        ControlFlow::Continue(())
    }
}
