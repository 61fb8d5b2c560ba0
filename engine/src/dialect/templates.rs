//! Templates: an expression of SQL with `$1`, `$2`, ... for what is put in, and with a query for its subqueries.
//!
//! Not here: which templates there are (`functions/table.rs` and who rewrites).

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Query, TableFactor, Value, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// The parsed template; `None` where it is no expression.
pub(super) fn parsed(template: &str) -> Option<Expr> {
    Parser::new(&GenericDialect {}).try_with_sql(template).and_then(|mut parser| parser.parse_expr()).ok()
}

/// The template with arguments in place.
pub(super) fn filled(template: &Expr, arguments: &[Expr]) -> Expr {
    put_in(template, arguments, None)
}

/// The same, and `query` in the place of every subquery in FROM.
pub(super) fn filled_over(template: &Expr, arguments: &[Expr], query: &Query) -> Expr {
    put_in(template, arguments, Some(query))
}

fn put_in(template: &Expr, arguments: &[Expr], query: Option<&Query>) -> Expr {
    let mut expr = template.clone();
    // Filling in does not fail.
    let _ = expr.visit(&mut Filling { arguments, query });
    expr
}

pub(super) fn and(left: Expr, right: Expr) -> Expr {
    let nested = |expr| Box::new(Expr::Nested(Box::new(expr)));
    Expr::BinaryOp { left: nested(left), op: BinaryOperator::And, right: nested(right) }
}

struct Filling<'a> {
    arguments: &'a [Expr],
    query: Option<&'a Query>,
}

// Behind the visit of its parts: what was put in, with placeholders and subqueries of the user's own, is not looked into.
impl VisitorMut for Filling<'_> {
    type Break = ();

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let (TableFactor::Derived { subquery, .. }, Some(query)) = (factor, self.query) {
            **subquery = query.clone();
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Value(value) = &*expr else { return ControlFlow::Continue(()) };
        if let Value::Placeholder(name) = &value.value
            && let Some(argument) = name.strip_prefix('$').and_then(|at| at.parse::<usize>().ok())
            && let Some(argument) = self.arguments.get(argument.wrapping_sub(1))
        {
            *expr = match argument {
                Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) | Expr::Function(_) => {
                    argument.clone()
                }
                other => Expr::Nested(Box::new(other.clone())),
            };
        }
        ControlFlow::Continue(())
    }
}
