//! Row values: `(a, b) IN (SELECT c, d ...)`, `(a, b) IN ((1, 2), ...)`, `(a, b) = (c, d)` and `(a, b) < (c, d)`, column by column
//! and in three-valued logic. DataFusion takes a row for a struct, orders NULL in it, and has no subqueries of several columns.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Query, Select, SetExpr, UnaryOperator, VisitorMut};

use super::grammar::expression;
use super::templates::{filled, filled_over};
use super::walk::visit_mut;

/// Writes out every comparison of rows.
pub(super) fn write_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut RowValues);
}

struct RowValues;

impl VisitorMut for RowValues {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if let Some(condition) = &mut select.selection {
            in_condition(condition);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(new) = column_by_column(expr) {
            *expr = new;
        }
        ControlFlow::Continue(())
    }
}

/// Under WHERE, AND and OR, NULL is as good as false: EXISTS alone will do, which is a join.
fn in_condition(condition: &mut Expr) {
    match condition {
        Expr::Nested(inner) => in_condition(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            in_condition(left);
            in_condition(right);
        }
        Expr::InSubquery { expr, subquery, negated: false } => {
            if let Some(rows) = row(expr).filter(|_| columns_of(subquery).is_none_or(|count| count > 1))
                && let Some(exists) = with_rows("EXISTS (SELECT 1 FROM (SELECT 1) AS ROWS WHERE $1)", rows, subquery)
            {
                *condition = exists;
            }
        }
        _ => {}
    }
}

fn column_by_column(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::InSubquery { expr, subquery, negated } => {
            let rows = row(expr).filter(|_| columns_of(subquery).is_none_or(|count| count > 1))?;
            let is_in = with_rows(
                "CASE WHEN EXISTS (SELECT 1 FROM (SELECT 1) AS ROWS WHERE $1) THEN true \
                 WHEN EXISTS (SELECT 1 FROM (SELECT 1) AS ROWS WHERE ($1) IS NULL) THEN NULL ELSE false END",
                rows,
                subquery,
            )?;
            Some(if *negated { not(is_in) } else { is_in })
        }
        Expr::InList { expr, list, negated } => {
            let left = row(expr)?;
            let pairs: Option<Vec<Expr>> = list.iter().map(|right| same(left, row(right)?)).collect();
            let is_in = Expr::Nested(Box::new(joined(pairs?, &BinaryOperator::Or)?));
            Some(if *negated { not(is_in) } else { is_in })
        }
        Expr::BinaryOp { left, op: op @ (BinaryOperator::Eq | BinaryOperator::NotEq), right } => {
            let are_same = same(row(left)?, row(right)?)?;
            Some(if *op == BinaryOperator::NotEq { not(are_same) } else { are_same })
        }
        Expr::BinaryOp { left, op: BinaryOperator::Lt, right } => ordered(row(left)?, row(right)?, "<", "<"),
        Expr::BinaryOp { left, op: BinaryOperator::LtEq, right } => ordered(row(left)?, row(right)?, "<", "<="),
        Expr::BinaryOp { left, op: BinaryOperator::Gt, right } => ordered(row(left)?, row(right)?, ">", ">"),
        Expr::BinaryOp { left, op: BinaryOperator::GtEq, right } => ordered(row(left)?, row(right)?, ">", ">="),
        _ => None,
    }
}

fn row(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Tuple(columns) if columns.len() > 1 => Some(columns),
        _ => None,
    }
}

/// How many columns `query` gives, where its text tells.
fn columns_of(query: &Query) -> Option<usize> {
    use datafusion::sql::sqlparser::ast::SelectItem::{ExprWithAlias, UnnamedExpr};
    match &*query.body {
        SetExpr::Select(select) => {
            let is_plain = select.projection.iter().all(|item| matches!(item, ExprWithAlias { .. } | UnnamedExpr(_)));
            is_plain.then_some(select.projection.len())
        }
        _ => None,
    }
}

fn same(left: &[Expr], right: &[Expr]) -> Option<Expr> {
    if left.len() != right.len() {
        return None;
    }
    let equal =
        |(left, right): (&Expr, &Expr)| Some(filled(&expression("($1) = ($2)")?, &[left.clone(), right.clone()]));
    let pairs: Option<Vec<Expr>> = left.iter().zip(right).map(equal).collect();
    Some(Expr::Nested(Box::new(joined(pairs?, &BinaryOperator::And)?)))
}

/// The first columns that differ decide: `strict` compares all columns but the last, which `last` does.
fn ordered(left: &[Expr], right: &[Expr], strict: &str, last: &str) -> Option<Expr> {
    if left.len() != right.len() {
        return None;
    }
    let rest = |at: usize, decided: Option<Expr>| {
        let pair = [left[at].clone(), right[at].clone()];
        match decided {
            None => Some(filled(&expression(&format!("($1) {last} ($2)"))?, &pair)),
            Some(decided) => {
                let [l, r] = pair;
                Some(filled(&expression(&format!("($1) {strict} ($2) OR ($1) = ($2) AND ($3)"))?, &[l, r, decided]))
            }
        }
    };
    let mut decided = None;
    for at in (0..left.len()).rev() {
        decided = Some(rest(at, decided)?);
    }
    decided.map(|decided| Expr::Nested(Box::new(decided)))
}

/// `text`, in which ROWS is `query` with its columns named, and `$1` says that `columns` are one of its rows.
fn with_rows(text: &str, columns: &[Expr], query: &Query) -> Option<Expr> {
    let names: Vec<String> = (1..=columns.len()).map(|at| format!("__row_{at}")).collect();
    let named: Option<Vec<Expr>> = names.iter().map(|name| expression(name)).collect();
    let text = text.replace("ROWS", &format!("__rows ({})", names.join(", ")));
    Some(filled_over(&expression(&text)?, &[same(columns, &named?)?], query))
}

fn joined(exprs: Vec<Expr>, op: &BinaryOperator) -> Option<Expr> {
    exprs.into_iter().reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: op.clone(),
        right: Box::new(right),
    })
}

fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(expr))) }
}
