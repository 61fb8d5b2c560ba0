//! Keys of groups over joins hide what they are from the planner: it takes one key of several for that of the whole, where
//! that key was one before the join, or where UNNEST repeats it, and then adds columns to the GROUP BY of a query around it,
//! and rows to its windows.
//!
//! So such a query in FROM or WITH gets one around it that passes its columns through a function, which the optimizer takes
//! away, and every window with an order says its frame. The optimizer's part is `corrections/dependencies`.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, NamedWindowExpr, Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins,
    VisitorMut, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType, visit_expressions,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::casts::wrapped;
use super::walk::visit_mut;

pub(super) fn hide(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Keys);
}

struct Keys;

impl VisitorMut for Keys {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        for table in query.with.iter_mut().filter(|with| !with.recursive).flat_map(|with| &mut with.cte_tables) {
            hide_keys(&mut table.query);
        }
        ControlFlow::Continue(())
    }

    // Behind the visit of its parts: what is put around is not looked into.
    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Derived { lateral: false, subquery, .. } = factor {
            hide_keys(subquery);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for window in &mut select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                say_frame(spec);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(call) = expr
            && let Some(WindowType::WindowSpec(spec)) = &mut call.over
        {
            say_frame(spec);
        }
        ControlFlow::Continue(())
    }
}

/// The frame that SQL gives a window that has an order and no frame. Without an order the planner gives it the right one.
fn say_frame(window: &mut WindowSpec) {
    if window.window_name.is_none() && window.window_frame.is_none() && !window.order_by.is_empty() {
        window.window_frame = Some(WindowFrame {
            units: WindowFrameUnits::Range,
            start_bound: WindowFrameBound::Preceding(None),
            end_bound: Some(WindowFrameBound::CurrentRow),
        });
    }
}

/// Puts a query around `query` that passes on its columns and none of their keys, where some may be wrong.
fn hide_keys(query: &mut Query) {
    if !has_wrong_keys(&query.body) {
        return;
    }
    let Some(names) = columns_of(&query.body) else { return };
    let Some(mut outer) = outer_query() else { return };
    let SetExpr::Select(select) = outer.body.as_mut() else { return };
    let Some(TableFactor::Derived { subquery, .. }) = select.from.first_mut().map(|table| &mut table.relation) else {
        return;
    };
    select.projection = names
        .into_iter()
        .map(|name| SelectItem::ExprWithAlias { expr: wrapped(Expr::Identifier(name.clone())), alias: name })
        .collect();
    std::mem::swap(subquery.as_mut(), query);
    *query = *outer;
}

fn outer_query() -> Option<Box<Query>> {
    let parser = Parser::new(&GenericDialect {}).try_with_sql("SELECT 1 FROM (SELECT 1)").ok();
    parser?.parse_query().ok()
}

fn has_wrong_keys(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => groups_a_join(select) || unnests(select),
        SetExpr::Query(query) => has_wrong_keys(&query.body),
        // A union has no keys; the others have those of their left side.
        SetExpr::SetOperation { left, .. } => has_wrong_keys(left),
        _ => false,
    }
}

/// The names of its columns, if each has one.
fn columns_of(body: &SetExpr) -> Option<Vec<Ident>> {
    match body {
        SetExpr::Select(select) => select.projection.iter().map(name_of).collect(),
        SetExpr::Query(query) => columns_of(&query.body),
        SetExpr::SetOperation { left, .. } => columns_of(left),
        _ => None,
    }
}

fn name_of(item: &SelectItem) -> Option<Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().cloned(),
        _ => None,
    }
}

fn groups_a_join(select: &Select) -> bool {
    let is_grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
    };
    is_grouped && (select.from.len() > 1 || select.from.iter().any(|table| !table.joins.is_empty()))
}

fn unnests(select: &Select) -> bool {
    let is_call = |expr: &Expr| match expr {
        Expr::Function(call) => call.name.to_string().eq_ignore_ascii_case("unnest"),
        _ => false,
    };
    let in_list = visit_expressions(&select.projection, |expr| match is_call(expr) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    let relations = |table: &TableWithJoins| {
        let joined = table.joins.iter().map(|join| &join.relation);
        joined.chain([&table.relation]).any(|relation| matches!(relation, TableFactor::UNNEST { .. }))
    };
    in_list.is_break() || select.from.iter().any(relations)
}
