//! Row values: `(a, b) IN (SELECT c, d ...)`, `(a, b) IN ((1, 2), ...)`, `(a, b) = (c, d)`, `(a, b) < (c, d)` and
//! `(a, b) = (SELECT c, d ...)`, column by column and in three-valued logic; `ROW(a, b)` is `(a, b)` there. DataFusion takes a row for a struct, orders NULL in it, and has no subqueries of several columns.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select, SetExpr, UnaryOperator,
    VisitorMut,
};

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

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::InSubquery { expr, .. } => without_row(expr),
            Expr::InList { expr, list, .. } => {
                without_row(expr);
                list.iter_mut().for_each(without_row);
            }
            Expr::BinaryOp { left, op, right } if is_comparison(op) => {
                without_row(left);
                without_row(right);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

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

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// `(a, b)` for `ROW(a, b)`.
fn without_row(expr: &mut Expr) {
    let Expr::Function(call) = expr else { return };
    if call.name.to_string().eq_ignore_ascii_case("row")
        && let FunctionArguments::List(list) = &call.args
    {
        let columns = list.args.iter().map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(column)) => Some(column.clone()),
            _ => None,
        });
        if let Some(columns) = columns.collect::<Option<Vec<_>>>().filter(|columns| columns.len() > 1) {
            *expr = Expr::Tuple(columns);
        }
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
        Expr::BinaryOp { left, op, right } if is_comparison(op) && is_query(right) => {
            with_one_row(row(left)?, op, right, |row, other| (row, other))
        }
        Expr::BinaryOp { left, op, right } if is_comparison(op) && is_query(left) => {
            with_one_row(row(right)?, op, left, |row, other| (other, row))
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
    over(text, same(columns, &named(columns.len())?)?, columns.len(), query)
}

/// `text`, in which ROWS is `query` with `count` columns that are named, and `$1` is `value`.
fn over(text: &str, value: Expr, count: usize, query: &Query) -> Option<Expr> {
    let names: Vec<String> = named(count)?.iter().map(ToString::to_string).collect();
    let text = text.replace("ROWS", &format!("__rows ({})", names.join(", ")));
    Some(filled_over(&expression(&text)?, &[value], query))
}

/// The names of the columns of ROWS.
fn named(count: usize) -> Option<Vec<Expr>> {
    (1..=count).map(|at| expression(&format!("__row_{at}"))).collect()
}

fn is_query(expr: &Expr) -> bool {
    match expr {
        Expr::Subquery(_) => true,
        Expr::Nested(inner) => is_query(inner),
        _ => false,
    }
}

/// Which of two operands stands left, and which right.
type Sides = fn(Box<Expr>, Box<Expr>) -> (Box<Expr>, Box<Expr>);

/// `columns` compared with the one row of `query`, read once: no row is NULL.
fn with_one_row(columns: &[Expr], op: &BinaryOperator, query: &Expr, sides: Sides) -> Option<Expr> {
    let query = match query {
        Expr::Nested(inner) => return with_one_row(columns, op, inner, sides),
        Expr::Subquery(query) => query,
        _ => return None,
    };
    if columns_of(query).is_some_and(|count| count != columns.len()) {
        return None;
    }
    let (left, right) = sides(Box::new(Expr::Tuple(columns.to_vec())), Box::new(Expr::Tuple(named(columns.len())?)));
    let compared = column_by_column(&Expr::BinaryOp { left, op: op.clone(), right })?;
    over("(SELECT $1 FROM (SELECT 1) AS ROWS)", compared, columns.len(), query)
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
