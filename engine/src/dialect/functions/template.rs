//! Templates: an expression of SQL with `$1`, `$2`, ... for the arguments of a call.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Function, Value, VisitMut, VisitorMut};

/// The template with arguments in place.
pub(super) fn filled(template: &Expr, arguments: &[Expr]) -> Expr {
    let mut expr = template.clone();
    // Filling in does not fail.
    let _ = expr.visit(&mut Filling { arguments, adorn: None, adorned: 0 });
    expr
}

/// The same, with `adorn` applied to the calls of the template's own; `None` where it takes none of them.
pub(super) fn filled_and_adorned(template: &Expr, arguments: &[Expr], adorn: Adorn) -> Option<Expr> {
    let mut expr = template.clone();
    let mut filling = Filling { arguments, adorn: Some(adorn), adorned: 0 };
    let _ = expr.visit(&mut filling);
    (filling.adorned > 0).then_some(expr)
}

/// Changes a call, if it is one to be changed.
type Adorn<'a> = &'a dyn Fn(&mut Function) -> bool;

pub(super) fn and(left: Expr, right: Expr) -> Expr {
    let nested = |expr| Box::new(Expr::Nested(Box::new(expr)));
    Expr::BinaryOp { left: nested(left), op: BinaryOperator::And, right: nested(right) }
}

struct Filling<'a> {
    arguments: &'a [Expr],
    adorn: Option<Adorn<'a>>,
    adorned: usize,
}

impl VisitorMut for Filling<'_> {
    type Break = ();

    // Behind its children: what is filled in is not looked at again.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let (Expr::Function(call), Some(adorn)) = (&mut *expr, self.adorn) {
            self.adorned += usize::from(adorn(call));
        }
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
