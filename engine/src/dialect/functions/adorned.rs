//! Clauses of aggregates at functions that are none, and stars where no function takes one: the planner leaves the clauses out
//! in silence, and prints its tree for the stars.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Visitor,
};

use super::is_adorned;
use crate::dialect::names::position;
use crate::dialect::walk::visit;
use crate::error::{Error, ErrorKind, Result};

/// # Errors
/// [`ErrorKind::Invalid`] for the first of them.
pub(super) fn check(state: &SessionState, statement: &Statement) -> Result<()> {
    match visit(statement, &mut Calls { state }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Calls<'s> {
    state: &'s SessionState,
}

impl Visitor for Calls<'_> {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let name = function.name.to_string().to_ascii_lowercase();
        let takes_rows =
            self.state.aggregate_functions().contains_key(&name) || self.state.window_functions().contains_key(&name);
        let is_scalar = !takes_rows && self.state.scalar_functions().contains_key(&name);
        let found = match () {
            () if is_scalar && is_adorned(function) => Some((
                format!("{name} is no aggregate, and {} is for aggregates", clause_of(function)),
                "write it as a condition of the query, or as CASE WHEN ... THEN ... END",
            )),
            () if name == "count" && counts_distinct_stars(function) => Some((
                "count(DISTINCT *) is not supported".to_string(),
                "write SELECT count(*) FROM (SELECT DISTINCT * FROM t)",
            )),
            () if name != "count" && (is_scalar || takes_rows) && has_star(function) => {
                Some((format!("{name} takes values, and no star"), "name the column"))
            }
            () => None,
        };
        match found {
            None => ControlFlow::Continue(()),
            Some((message, instead)) => {
                let at = function.name.0.first().and_then(|part| part.as_ident()).and_then(position);
                ControlFlow::Break(Error::new(ErrorKind::Invalid, message).with_hint(instead).or_at(at))
            }
        }
    }
}

/// The clause by which a call is adorned.
fn clause_of(function: &Function) -> &'static str {
    match () {
        () if function.filter.is_some() => "FILTER",
        () if function.over.is_some() => "OVER",
        () if !function.within_group.is_empty() => "WITHIN GROUP",
        () if function.null_treatment.is_some() => "IGNORE NULLS",
        () if is_distinct(function) => "DISTINCT",
        () => "ORDER BY within the brackets",
    }
}

fn is_distinct(function: &Function) -> bool {
    matches!(&function.args, FunctionArguments::List(list) if list.duplicate_treatment == Some(DuplicateTreatment::Distinct))
}

fn has_star(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    list.args.iter().any(|argument| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Wildcard)))
}

fn counts_distinct_stars(function: &Function) -> bool {
    is_distinct(function) && has_star(function)
}
