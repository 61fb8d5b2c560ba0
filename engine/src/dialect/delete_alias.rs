//! `DELETE FROM t AS x WHERE x.k = 1`: the planner forgets the alias, so the condition names the table. Where a query in the
//! condition reads a table of the same name, its columns would be taken for it, and the alias stays.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Delete, Expr, FromTable, Ident, Statement as SqlStatement, TableFactor, VisitMut, VisitorMut,
};

/// Names the table where a DELETE names its alias.
pub(super) fn resolve(statement: &mut Statement) {
    match statement {
        Statement::Statement(inner) => resolve_in(inner),
        Statement::Explain(explain) => resolve(&mut explain.statement),
        _ => {}
    }
}

fn resolve_in(statement: &mut SqlStatement) {
    match statement {
        SqlStatement::Delete(delete) => {
            let _ = in_condition(delete);
        }
        SqlStatement::Explain { statement, .. } => resolve_in(statement),
        _ => {}
    }
}

fn in_condition(delete: &mut Delete) -> Option<()> {
    let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &mut delete.from;
    let [table] = tables.as_mut_slice() else { return None };
    let TableFactor::Table { name, alias, .. } = &mut table.relation else { return None };
    let table_name = name.0.last()?.as_ident()?.clone();
    let written = alias.take_if(|alias| alias.columns.is_empty())?;
    let mut renaming = Renaming { alias: written.name.clone(), table: table_name };
    let mut condition = delete.selection.clone();
    if condition.visit(&mut renaming).is_break() {
        *alias = Some(written);
        return None;
    }
    delete.selection = condition;
    Some(())
}

struct Renaming {
    alias: Ident,
    table: Ident,
}

impl VisitorMut for Renaming {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let (name, alias) = match factor {
            TableFactor::Table { name, alias, .. } => (name.0.last().and_then(|part| part.as_ident()), alias),
            TableFactor::Derived { alias, .. } | TableFactor::UNNEST { alias, .. } => (None, alias),
            _ => return ControlFlow::Break(()),
        };
        let is_ours = |name: &Ident| is_same(name, &self.alias) || is_same(name, &self.table);
        let visible = alias.as_ref().map(|alias| &alias.name).or(name);
        if visible.is_some_and(is_ours) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let Some(first) = parts.first_mut().filter(|first| is_same(first, &self.alias))
        {
            let span = first.span;
            *first = Ident { span, ..self.table.clone() };
        }
        ControlFlow::Continue(())
    }
}

fn is_same(left: &Ident, right: &Ident) -> bool {
    left.value.eq_ignore_ascii_case(&right.value)
}
