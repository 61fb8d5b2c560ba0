//! VALUES are the SELECTs of their rows, one below the other, where DataFusion reads them wrongly: with a subquery in a row, which
//! it does not run, and in FROM of what INSERT inserts, where it takes them for rows of the table that is inserted into.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, SelectItem, SetExpr, SetOperator, SetQuantifier, Statement as SqlStatement, Values, VisitorMut,
    visit_expressions,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::walk::visit_mut;

/// Writes out the VALUES that hold subqueries, and those in FROM of what is inserted.
pub(super) fn write_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Lists { inserts: inserts(statement), depth: 0 });
}

fn inserts(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(inner) => matches!(inner.as_ref(), SqlStatement::Insert(_)),
        Statement::Explain(explain) => inserts(&explain.statement),
        _ => false,
    }
}

struct Lists {
    inserts: bool,
    /// How many queries are around the one at hand.
    depth: usize,
}

impl VisitorMut for Lists {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Values(values) = query.body.as_ref()
            && ((self.inserts && self.depth > 0) || has_subquery(values))
            && let Some(selects) = selects(values)
        {
            *query.body = selects;
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

fn has_subquery(values: &Values) -> bool {
    let found = visit_expressions(values, |expr| match expr {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

fn selects(values: &Values) -> Option<SetExpr> {
    let rows: Vec<&[Expr]> = values.rows.iter().map(|row| row.content.as_slice()).collect();
    union(&rows)
}

/// The rows one below the other, in a tree that is no deeper than it must be.
fn union(rows: &[&[Expr]]) -> Option<SetExpr> {
    match rows {
        [] => None,
        [row] => select(row),
        rows => {
            let (above, below) = rows.split_at(rows.len() / 2);
            Some(SetExpr::SetOperation {
                op: SetOperator::Union,
                set_quantifier: SetQuantifier::All,
                left: Box::new(union(above)?),
                right: Box::new(union(below)?),
            })
        }
    }
}

fn select(row: &[Expr]) -> Option<SetExpr> {
    let parsed = Parser::new(&GenericDialect {}).try_with_sql("SELECT 1").ok()?.parse_query().ok()?;
    let mut body = *parsed.body;
    let SetExpr::Select(select) = &mut body else { return None };
    let named = row.iter().enumerate().map(|(index, value)| SelectItem::ExprWithAlias {
        expr: value.clone(),
        alias: Ident::new(format!("column{}", index + 1)),
    });
    select.projection = named.collect();
    Some(body)
}
