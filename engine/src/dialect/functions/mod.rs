//! Functions that DuckDB, PostgreSQL and Spark have under names that DataFusion lacks, written out as what it has: an
//! expression, which then runs wherever such an expression runs. A function of that name that the session has comes first.
//! docs/functions.md lists them.

mod dates;
mod table;

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, VisitorMut,
};

use super::templates;
use super::walk::visit_mut;
use crate::error::{Error, Result};
use table::RULES;

pub(crate) use table::{instead_of, written_names};

/// Writes out every call in `statement` of a function that the session lacks and that is known here.
///
/// # Errors
/// Of kind Invalid or Unsupported, for a call whose arguments do not say what it means.
pub(super) fn write_out(state: &SessionState, statement: &mut Statement) -> Result<()> {
    match visit_mut(statement, &mut Calls { state }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Calls<'s> {
    state: &'s SessionState,
}

impl VisitorMut for Calls<'_> {
    type Break = Error;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        match self.written_out(function) {
            Ok(Some(written)) => {
                *expr = written;
                ControlFlow::Continue(())
            }
            Ok(None) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Calls<'_> {
    fn written_out(&self, function: &Function) -> Result<Option<Expr>> {
        let [part] = function.name.0.as_slice() else { return Ok(None) };
        let Some(ident) = part.as_ident() else { return Ok(None) };
        let name = ident.value.to_ascii_lowercase();
        if !(RULES.contains_key(name.as_str()) || dates::is_one(&name)) || self.is_there(&name) {
            return Ok(None);
        }
        let Some(arguments) = arguments(function) else { return Ok(None) };
        if dates::is_one(&name)
            && let Some(written) = dates::written_out(&name, &arguments)?
        {
            return Ok(Some(Expr::Nested(Box::new(written))));
        }
        let rules = RULES.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
        let Some(rule) = rules.iter().find(|rule| rule.arguments == arguments.len()) else { return Ok(None) };
        let written = templates::filled(&rule.template, &arguments);
        Ok(match written {
            Expr::Function(call) => as_called(call, function).map(Expr::Function),
            _ if is_adorned(function) => None,
            scalar => Some(Expr::Nested(Box::new(scalar))),
        })
    }

    fn is_there(&self, name: &str) -> bool {
        self.state.scalar_functions().contains_key(name)
            || self.state.aggregate_functions().contains_key(name)
            || self.state.window_functions().contains_key(name)
    }
}

/// The arguments, if each is an expression without a name.
fn arguments(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let expr = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    list.args.iter().map(expr).collect()
}

/// Whether the call has clauses that only aggregates and window functions have.
fn is_adorned(function: &Function) -> bool {
    let adorned = match &function.args {
        FunctionArguments::List(list) => {
            list.duplicate_treatment == Some(DuplicateTreatment::Distinct) || !list.clauses.is_empty()
        }
        _ => false,
    };
    adorned || function.over.is_some() || function.filter.is_some() || !function.within_group.is_empty()
}

/// `call` with the clauses of the call that it stands for.
fn as_called(mut call: Function, function: &Function) -> Option<Function> {
    if !function.within_group.is_empty() {
        return None;
    }
    call.over.clone_from(&function.over);
    call.null_treatment = call.null_treatment.or(function.null_treatment);
    if let Some(filter) = &function.filter {
        let both = match call.filter.take() {
            Some(own) => templates::and(*own, filter.as_ref().clone()),
            None => filter.as_ref().clone(),
        };
        call.filter = Some(Box::new(both));
    }
    if let (FunctionArguments::List(to), FunctionArguments::List(from)) = (&mut call.args, &function.args) {
        to.duplicate_treatment = to.duplicate_treatment.or(from.duplicate_treatment);
        // An order that decides which row is taken goes before one that the call asks for.
        to.clauses.extend(from.clauses.iter().cloned());
    }
    Some(call)
}
