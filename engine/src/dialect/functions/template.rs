//! Templates: an expression of SQL with `$1`, `$2`, ... for the arguments of a call.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// The parsed template; `None` where it is no expression.
pub(super) fn parsed(template: &str) -> Option<Expr> {
    Parser::new(&GenericDialect {}).try_with_sql(template).and_then(|mut parser| parser.parse_expr()).ok()
}

/// The template with arguments in place.
pub(super) fn filled(template: &Expr, arguments: &[Expr]) -> Expr {
    let mut expr = template.clone();
    // Filling in does not fail.
    let _ = expr.visit(&mut Filling { arguments });
    expr
}

pub(super) fn and(left: Expr, right: Expr) -> Expr {
    let nested = |expr| Box::new(Expr::Nested(Box::new(expr)));
    Expr::BinaryOp { left: nested(left), op: BinaryOperator::And, right: nested(right) }
}

struct Filling<'a> {
    arguments: &'a [Expr],
}

impl VisitorMut for Filling<'_> {
    type Break = ();

    // Behind its children: what is filled in is not looked at again.
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
