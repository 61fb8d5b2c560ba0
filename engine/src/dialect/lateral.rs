//! Functions in FROM that look at the rows to their left. `LATERAL unnest(t.l)` is `unnest(t.l)`, which looks to the left by
//! itself; the planner takes what stands behind LATERAL for a table function. `generate_series(1, t.n)` and `range`
//! are table functions of constants only, and lists otherwise, whose elements are rows.
//!
//! Not here: the join that such a relation becomes (`corrections/subqueries/lateral`).

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, TableAlias, TableAliasColumnDef, TableFactor,
    TableFunctionArgs, VisitorMut, visit_expressions,
};

use super::quoted;
use super::templates::call;
use super::walk::visit_mut;

const UNNEST: &str = "unnest";
/// Table functions that are functions of lists as well.
const SERIES: [&str; 2] = ["generate_series", "range"];
/// What the only column of these table functions is called.
const COLUMN: &str = "value";

/// Writes them as the planner knows them.
pub(super) fn write_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Relations);
}

struct Relations;

impl VisitorMut for Relations {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let (name, args, alias) = match &*factor {
            TableFactor::Function { name, args, alias, with_ordinality: false, .. } => (name, args, alias),
            TableFactor::Table { name, args: Some(TableFunctionArgs { args, settings: None }), alias, .. } => {
                (name, args, alias)
            }
            _ => return ControlFlow::Continue(()),
        };
        if let Some(name) = only_name(name)
            && let Some(args) = plain(args)
            && let Some(rows) = as_unnest(&name, args, alias.clone())
        {
            *factor = rows;
        }
        ControlFlow::Continue(())
    }
}

fn as_unnest(name: &str, args: Vec<Expr>, alias: Option<TableAlias>) -> Option<TableFactor> {
    let (array_exprs, alias) = match name {
        UNNEST => (args, alias),
        name if SERIES.contains(&name) && args.iter().any(has_column) => {
            let mut alias = alias.unwrap_or_else(|| named(name));
            if alias.columns.is_empty() {
                alias.columns.push(TableAliasColumnDef { name: quoted(COLUMN), data_type: None });
            }
            (vec![call(name, args)], Some(alias))
        }
        _ => return None,
    };
    Some(TableFactor::UNNEST {
        alias,
        array_exprs,
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    })
}

fn named(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: quoted(name), columns: Vec::new(), at: None }
}

fn only_name(name: &ObjectName) -> Option<String> {
    let [part] = name.0.as_slice() else { return None };
    part.as_ident().map(|Ident { value, .. }| value.to_ascii_lowercase())
}

fn plain(args: &[FunctionArg]) -> Option<Vec<Expr>> {
    let plain = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    args.iter().map(plain).collect()
}

/// Whether a column is named in the expression.
pub(super) fn has_column(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |part| match part {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}
