//! Calls of a query: `array(SELECT x FROM t ORDER BY y)` is a list of its values, in its order; an empty list where it has no
//! row. A query in another call is refused: the planner would leave it out.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, GroupByExpr, OrderByExpr,
    OrderByKind, Query, Select, SelectItem, SetExpr,
};

use crate::dialect::grammar::expression;
use crate::dialect::names::position;
use crate::dialect::templates::{filled, filled_over};
use crate::error::{Error, ErrorKind, Result};

/// The call of `query` written out.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for another function, or an order that the list cannot be given.
pub(super) fn written_out(name: &str, call: &Function, query: &Query) -> Result<Expr> {
    let refused = |hint: &str| {
        let at = call.name.0.first().and_then(|part| part.as_ident()).and_then(position);
        let error = Error::new(ErrorKind::Unsupported, format!("{name} of a query is not supported"));
        Err(error.or_at(at).with_hint(hint))
    };
    if name != "array" {
        return refused("a list of the values of a query is array(SELECT x FROM ...)");
    }
    match listed(query) {
        Some(list) => Ok(list),
        None => refused("order by columns of FROM without DISTINCT, LIMIT and groups, or use array_agg(x ORDER BY x)"),
    }
}

fn listed(query: &Query) -> Option<Expr> {
    let list = match &query.order_by {
        None => {
            let template = expression("(SELECT array_agg(v) FROM (SELECT 1) AS q(v))")?;
            filled_over(&template, &[], query)
        }
        Some(_) => Expr::Subquery(Box::new(in_order(query)?)),
    };
    let template = expression("coalesce($1, make_array())")?;
    Some(filled(&template, &[list]))
}

/// The query with its one column and its order in an `array_agg`.
fn in_order(query: &Query) -> Option<Query> {
    let mut query = query.clone();
    let OrderByKind::Expressions(keys) = query.order_by.take()?.kind else { return None };
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return None;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    if !is_plain(select) {
        return None;
    }
    let [item] = select.projection.as_mut_slice() else { return None };
    let (value, alias) = match item {
        SelectItem::UnnamedExpr(expr) => (expr.clone(), None),
        SelectItem::ExprWithAlias { expr, alias } => (expr.clone(), Some(alias.clone())),
        _ => return None,
    };
    // The column's place and its alias mean the column.
    let is_column = |key: &Expr| match key {
        Expr::Value(_) => key.to_string() == "1",
        Expr::Identifier(name) => alias.as_ref().is_some_and(|alias| alias.value.eq_ignore_ascii_case(&name.value)),
        _ => false,
    };
    let keys = keys.into_iter().map(|key| match is_column(&key.expr) {
        true => OrderByExpr { expr: value.clone(), ..key },
        false => key,
    });
    let Some(Expr::Function(mut call)) = expression("array_agg($1)") else { return None };
    if let FunctionArguments::List(list) = &mut call.args {
        list.clauses = vec![FunctionArgumentClause::OrderBy(keys.collect())];
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(value))];
    }
    *item = SelectItem::UnnamedExpr(Expr::Function(call));
    Some(query)
}

/// Whether each row of FROM that passes WHERE is one of the query.
fn is_plain(select: &Select) -> bool {
    let has_groups = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
    };
    select.distinct.is_none() && select.having.is_none() && select.qualify.is_none() && !has_groups
}
