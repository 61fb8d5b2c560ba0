//! The aggregates of PIVOT over the rows of one value: a FILTER at each aggregate of an expression, however the expression
//! goes on (`round(avg(x), 1)`, `sum(a) / count(*)`). Not here: what becomes of PIVOT else (`spread`, `names/pivot`).

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, VisitMut, VisitorMut,
};

use super::templates;
use super::walk::visit_mut;
use crate::error::{Error, ErrorKind, Result};

/// Called with an expression and a condition until [`write_out`].
pub(super) const OVER_ROWS: &str = "maar_over_rows";

/// Called with what PIVOT in FROM computes of aggregates: there the parser takes calls alone.
pub(super) const COMPUTED: &str = "maar_computed";

/// `expr` over the rows that pass `test`.
pub(super) fn over_rows(expr: Expr, test: Expr) -> Expr {
    templates::call(OVER_ROWS, vec![expr, test])
}

/// The expressions that `expr` is called with, if it is a call of `name`.
pub(super) fn called<'e>(expr: &'e Expr, name: &str) -> Option<Vec<&'e Expr>> {
    let Expr::Function(Function { name: own, args: FunctionArguments::List(list), .. }) = expr else { return None };
    if own.to_string() != name {
        return None;
    }
    let inside = |argument: &'e FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    };
    list.args.iter().map(inside).collect()
}

/// Gives the aggregates their conditions.
///
/// # Errors
/// Of kind Invalid, for an expression without an aggregate.
pub(super) fn write_out(state: &SessionState, statement: &mut Statement) -> Result<()> {
    match visit_mut(statement, &mut Marked { state }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Marked<'s> {
    state: &'s SessionState,
}

impl VisitorMut for Marked<'_> {
    type Break = Error;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let Some(&[over, test]) = called(expr, OVER_ROWS).as_deref() else { return ControlFlow::Continue(()) };
        let mut over = over.clone();
        let mut aggregates = Aggregates { state: self.state, test, found: 0, queries: 0 };
        let _ = VisitMut::visit(&mut over, &mut aggregates);
        if aggregates.found == 0 {
            let error = Error::new(ErrorKind::Invalid, format!("PIVOT takes aggregates, and {over} has none"));
            return ControlFlow::Break(error.with_hint("write one aggregate, such as sum(x)"));
        }
        *expr = over;
        ControlFlow::Continue(())
    }
}

struct Aggregates<'s> {
    state: &'s SessionState,
    test: &'s Expr,
    found: usize,
    /// Subqueries around what is visited: their aggregates are over rows of their own.
    queries: usize,
}

impl VisitorMut for Aggregates<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && self.queries == 0
            && function.over.is_none()
            && self.state.aggregate_functions().contains_key(&function.name.to_string().to_ascii_lowercase())
        {
            self.found += 1;
            let test = match function.filter.take() {
                Some(own) => templates::and(*own, self.test.clone()),
                None => self.test.clone(),
            };
            function.filter = Some(Box::new(test));
        }
        ControlFlow::Continue(())
    }
}
