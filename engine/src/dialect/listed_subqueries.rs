//! VALUES with a subquery in a row are the SELECTs of their rows, one below the other: DataFusion does not run a subquery there.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, SelectItem, SetExpr, SetOperator, SetQuantifier, Values, VisitorMut, visit_expressions,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::walk::visit_mut;

/// Writes out the VALUES that hold subqueries.
pub(super) fn write_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Lists);
}

struct Lists;

impl VisitorMut for Lists {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Values(values) = query.body.as_ref()
            && has_subquery(values)
            && let Some(selects) = selects(values)
        {
            *query.body = selects;
        }
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
    let mut rows = values.rows.iter().map(|row| select(&row.content));
    let first = rows.next()??;
    rows.try_fold(first, |above, row| {
        Some(SetExpr::SetOperation {
            op: SetOperator::Union,
            set_quantifier: SetQuantifier::All,
            left: Box::new(above),
            right: Box::new(row?),
        })
    })
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
