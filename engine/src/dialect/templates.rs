//! Templates: an expression of SQL with `$1`, `$2`, ... for what is put in, and with a query for its subqueries.
//!
//! Not here: which templates there are (`functions/rules.rs` and who rewrites), and how they are read (`grammar`).

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Query, TableFactor, Value, VisitMut, VisitorMut,
};

/// The template with arguments in place.
pub(super) fn filled(template: &Expr, arguments: &[Expr]) -> Expr {
    let (filled, _) = Filling { arguments, query: None, adorn: None, adorned: 0 }.of(template);
    filled
}

/// The same, and `query` in the place of every subquery in FROM.
pub(super) fn filled_over(template: &Expr, arguments: &[Expr], query: &Query) -> Expr {
    let (filled, _) = Filling { arguments, query: Some(query), adorn: None, adorned: 0 }.of(template);
    filled
}

/// The template with arguments in place and `adorn` applied to the calls of its own; `None` where it takes none of them.
pub(super) fn filled_and_adorned(template: &Expr, arguments: &[Expr], adorn: Adorn) -> Option<Expr> {
    let (filled, adorned) = Filling { arguments, query: None, adorn: Some(adorn), adorned: 0 }.of(template);
    (adorned > 0).then_some(filled)
}

/// Changes a call, if it is one to be changed.
type Adorn<'a> = &'a dyn Fn(&mut Function) -> bool;

pub(super) fn and(left: Expr, right: Expr) -> Expr {
    let nested = |expr| Box::new(Expr::Nested(Box::new(expr)));
    Expr::BinaryOp { left: nested(left), op: BinaryOperator::And, right: nested(right) }
}

/// The call of a function.
pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

struct Filling<'a> {
    arguments: &'a [Expr],
    query: Option<&'a Query>,
    adorn: Option<Adorn<'a>>,
    adorned: usize,
}

impl Filling<'_> {
    /// The template filled in, and how many calls were adorned.
    fn of(mut self, template: &Expr) -> (Expr, usize) {
        let mut expr = template.clone();
        // Filling in does not fail.
        let _ = expr.visit(&mut self);
        (expr, self.adorned)
    }
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
