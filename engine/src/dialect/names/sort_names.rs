//! `SELECT -a AS a FROM t ORDER BY t.a` sorts by the column of `t`, and so does `ORDER BY a + 1`, as in PostgreSQL and DuckDB: only a
//! bare name alone is a column of the output first. The planner asks the output in every case, so an item that is called like a
//! column that the keys mean is planned under another name. Its own name comes back at the door, or in a select around it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::logical_expr::AggregateUDF;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, OrderBy, OrderByKind, Query, SelectItem, SetExpr, Visit, Visitor,
};

use super::by_name;
use super::items::{Taken, plain};
use super::query::Output;
use super::scope::{Found, Scope, same_but_for_case};
use crate::dialect::quoted;
use crate::error::Result;

/// The functions that aggregate, by name.
pub(super) type Aggregates = HashMap<String, Arc<AggregateUDF>>;

/// The names in sort keys that mean columns of FROM.
#[derive(Debug, Default)]
pub(super) struct SortNames(Vec<SortName>);

#[derive(Debug)]
struct SortName {
    /// One of a bare name, several behind the name of a relation.
    parts: Vec<Ident>,
    is_aggregated: bool,
}

impl SortNames {
    pub(super) fn of(query: &Query, aggregates: &Aggregates) -> Self {
        let mut search = Search { aggregates, inside: 0, found: Vec::new() };
        if let (SetExpr::Select(_), Some(OrderBy { kind: OrderByKind::Expressions(keys), .. })) =
            (query.body.as_ref(), &query.order_by)
        {
            let keys = keys.iter().map(|key| &key.expr).filter(|key| !matches!(key, Expr::Identifier(_)));
            for key in keys {
                let _ = key.visit(&mut search);
            }
        }
        Self(search.found)
    }

    /// Whether a key means a column of `scope` that is called like the item `expr AS alias` and is another. Of rows that are
    /// grouped, keys mean what is grouped by, and what is aggregated.
    ///
    /// # Errors
    /// When several columns differ from a name in case alone.
    pub(super) fn mean_another(&self, alias: &str, expr: &Expr, scope: &Scope, group_by: &GroupByExpr) -> Result<bool> {
        for SortName { parts, is_aggregated } in &self.0 {
            let Some(last) = parts.last().filter(|last| same_but_for_case(&last.value, alias)) else { continue };
            let is_there = parts.len() > 1
                || (matches!(scope.column(last)?, Found::Column(_)) && (*is_aggregated || is_in(last, group_by)));
            if is_there && !is_column(expr, parts) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The names without those of their relations.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|name| Some(name.parts.last()?.value.as_str()))
    }
}

struct Search<'a> {
    aggregates: &'a Aggregates,
    /// How many aggregates are around.
    inside: usize,
    found: Vec<SortName>,
}

impl Search<'_> {
    fn aggregates(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Function(function)
            if self.aggregates.contains_key(&function.name.to_string().to_ascii_lowercase()))
    }
}

impl Visitor for Search<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let parts = match expr {
            Expr::Identifier(name) => vec![name.clone()],
            Expr::CompoundIdentifier(parts) => parts.clone(),
            other => {
                self.inside += usize::from(self.aggregates(other));
                return ControlFlow::Continue(());
            }
        };
        self.found.push(SortName { parts, is_aggregated: self.inside > 0 });
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.inside -= usize::from(self.aggregates(expr));
        ControlFlow::Continue(())
    }
}

/// Whether rows are grouped by the column, or not at all.
fn is_in(column: &Ident, group_by: &GroupByExpr) -> bool {
    let GroupByExpr::Expressions(keys, modifiers) = group_by else { return false };
    let names = |key: &Expr| match plain(key) {
        Some(Expr::Identifier(name)) => same_but_for_case(&name.value, &column.value),
        Some(Expr::CompoundIdentifier(parts)) => {
            parts.last().is_some_and(|last| same_but_for_case(&last.value, &column.value))
        }
        _ => false,
    };
    (keys.is_empty() && modifiers.is_empty()) || keys.iter().any(names)
}

/// Whether `expr` is the column that `parts` name, as far as its name tells.
fn is_column(expr: &Expr, parts: &[Ident]) -> bool {
    let own = match plain(expr) {
        Some(Expr::Identifier(name)) => std::slice::from_ref(name),
        Some(Expr::CompoundIdentifier(own)) => own.as_slice(),
        _ => return false,
    };
    own.iter().rev().zip(parts.iter().rev()).all(|(one, other)| same_but_for_case(&one.value, &other.value))
}

/// Puts a select around that of `query`, which gives the renamed columns their names back. What the keys compute is computed inside.
pub(super) fn give_back(query: &mut Query, output: &mut Output) {
    let Some(columns) = output.columns.as_mut().filter(|columns| columns.iter().any(|column| column.is_renamed)) else {
        return;
    };
    let mut taken = Taken::default();
    let mut spelled = Vec::with_capacity(columns.len());
    for column in columns {
        let name = if column.is_renamed { &column.name } else { &column.planned };
        let given = taken.apart(name);
        spelled.push((std::mem::replace(&mut column.planned, given.clone()), given));
        column.is_renamed = false;
    }
    if let (SetExpr::Select(select), Some(OrderBy { kind: OrderByKind::Expressions(keys), .. })) =
        (query.body.as_mut(), &mut query.order_by)
    {
        let computed = keys.iter_mut().map(|key| &mut key.expr);
        for (at, key) in computed.filter(|key| !matches!(key, Expr::Identifier(_) | Expr::Value(_))).enumerate() {
            let alias = quoted(&format!("maar_sort_{at}"));
            let expr = std::mem::replace(key, Expr::Identifier(alias.clone()));
            select.projection.push(SelectItem::ExprWithAlias { expr, alias });
        }
    }
    by_name::respell(&mut query.body, &spelled);
}
