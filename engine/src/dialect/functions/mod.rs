//! Functions that DuckDB, PostgreSQL and Spark have under names that DataFusion lacks, written out as what it has: an
//! expression, which then runs wherever such an expression runs. A function of that name that the session has comes first.
//! docs/functions.md lists them.

mod adorned;
mod aggregates;
mod aliases;
mod arrows;
mod calendar;
mod dates;
mod instead;
mod lambdas;
mod lists;
mod queries;
mod rules;
mod scalars;
mod special;

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, VisitorMut,
};

use super::templates;
use super::walk::visit_mut;
use crate::error::{Error, Result};
use rules::RULES;

pub(crate) use instead::instead_of;
pub(crate) use rules::written_names;

/// Functions that the session has and that are written out all the same: `nvl2` fails where its condition has another type
/// than its values.
const NEVER_TAKEN: [&str; 1] = ["nvl2"];

/// Writes out every call in `statement` of a function that the session lacks and that is known here.
///
/// # Errors
/// Of kind Invalid or Unsupported, for a call whose arguments do not say what it means.
pub(super) fn write_out(state: &SessionState, statement: &mut Statement) -> Result<()> {
    arrows::write_out(state, statement);
    match visit_mut(statement, &mut Calls { state }) {
        ControlFlow::Continue(()) => {
            adorned::check(state, statement)?;
            lambdas::check(state, statement)
        }
        ControlFlow::Break(error) => Err(error),
    }
}

struct Calls<'s> {
    state: &'s SessionState,
}

impl VisitorMut for Calls<'_> {
    type Break = Error;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let written = match &*expr {
            Expr::Function(function) => self.written_out(function),
            Expr::Convert { .. } => Ok(special::cast(expr)),
            _ => Ok(None),
        };
        match written {
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
        if let FunctionArguments::Subquery(query) = &function.args {
            return queries::written_out(&name, function, query).map(Some);
        }
        special::check_template(&name, function)?;
        let special = special::mode(&name, function).or_else(|| special::age(&name, function));
        if let Some(written) = special.or_else(|| special::quantiles(&name, function)) {
            return Ok(Some(written));
        }
        if self.is_there(&name, function) {
            return Ok(None);
        }
        if let Some(written) = special::written_out(self.state, &name, function) {
            return Ok(Some(written));
        }
        let arguments = arguments(function);
        if let Some(arguments) = &arguments
            && dates::is_one(&name)
            && let Some(written) = dates::written_out(&name, arguments)?
        {
            return Ok(Some(Expr::Nested(Box::new(written))));
        }
        if let Some(arguments) = &arguments
            && let Some(written) = lists::written_out(&name, arguments)?
        {
            return Ok(Some(written));
        }
        let Some(rule) = RULES.get(name.as_str()) else { return Ok(None) };
        if let Some(arguments) = &arguments
            && let Some((_, template)) = rule.templates.iter().find(|(count, _)| *count == arguments.len())
        {
            return Ok(self.written_by(template, arguments, function));
        }
        Ok(rule.alias.map(|host| {
            let mut call = function.clone();
            call.name = ObjectName::from(vec![Ident { value: host.to_string(), quote_style: None, span: ident.span }]);
            Expr::Function(call)
        }))
    }

    /// The template with the arguments in place, and the clauses of the call at the aggregates in it.
    fn written_by(&self, template: &Expr, arguments: &[Expr], function: &Function) -> Option<Expr> {
        let adorn = |call: &mut Function| {
            let name = call.name.to_string();
            let takes_clauses = self.state.aggregate_functions().contains_key(&name)
                || self.state.window_functions().contains_key(&name);
            let adorned = takes_clauses.then(|| as_called(call.clone(), function)).flatten();
            adorned.map(|adorned| *call = adorned).is_some()
        };
        let written = match is_adorned(function) {
            true => templates::filled_and_adorned(template, arguments, &adorn)?,
            false => templates::filled(template, arguments),
        };
        Some(match written {
            Expr::Function(_) => written,
            other => Expr::Nested(Box::new(other)),
        })
    }

    /// Whether the session has the function. One that takes a lambda is not meant by a call without one.
    fn is_there(&self, name: &str, function: &Function) -> bool {
        let takes_lambda = || match &function.args {
            FunctionArguments::List(list) => list
                .args
                .iter()
                .any(|argument| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Lambda(_))))),
            _ => false,
        };
        (self.state.scalar_functions().contains_key(name) && !NEVER_TAKEN.contains(&name))
            || self.state.aggregate_functions().contains_key(name)
            || self.state.window_functions().contains_key(name)
            || (self.state.higher_order_functions().contains_key(name) && takes_lambda())
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
    adorned
        || function.null_treatment.is_some()
        || function.over.is_some()
        || function.filter.is_some()
        || !function.within_group.is_empty()
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
