//! Lambdas where none belongs: the planner would print its tree. A lambda is an argument of a function that takes one.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Visitor};

use crate::dialect::names::position;
use crate::dialect::walk::visit;
use crate::error::{Error, ErrorKind, Result};

/// # Errors
/// [`ErrorKind::Unsupported`] for a lambda that nothing takes. A function that is not there is named by the planner.
pub(super) fn check(state: &SessionState, statement: &Statement) -> Result<()> {
    match visit(statement, &mut Lambdas { state, taken: 0 }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Lambdas<'s> {
    state: &'s SessionState,
    /// How many lambdas to come are arguments of functions that take them.
    taken: usize,
}

impl Visitor for Lambdas<'_> {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        match expr {
            Expr::Function(function) => {
                let name = function.name.to_string().to_ascii_lowercase();
                let takes_none = self.state.scalar_functions().contains_key(&name)
                    || self.state.aggregate_functions().contains_key(&name)
                    || self.state.window_functions().contains_key(&name);
                if !takes_none {
                    self.taken += count(function);
                }
                ControlFlow::Continue(())
            }
            Expr::Lambda(_) if self.taken > 0 => {
                self.taken -= 1;
                ControlFlow::Continue(())
            }
            Expr::Lambda(lambda) => {
                let at = lambda.params.iter().next().and_then(|parameter| position(&parameter.name));
                let error = Error::new(ErrorKind::Unsupported, format!("nothing takes the lambda {lambda}"));
                ControlFlow::Break(error.or_at(at).with_hint(
                    "array_transform, array_filter, array_first and array_any_match take one; a field of a struct is s.field",
                ))
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// The lambdas among the arguments.
fn count(function: &Function) -> usize {
    let FunctionArguments::List(list) = &function.args else { return 0 };
    let is_lambda =
        |argument: &&FunctionArg| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Lambda(_))));
    list.args.iter().filter(is_lambda).count()
}
