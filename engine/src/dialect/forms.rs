//! Expressions that the parser reads and that have no meaning here, refused by what the user wrote: the planner would print
//! its tree.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Function, Value, Visitor};

use super::names::position;
use super::tokens::error_at;
use super::walk::visit;
use crate::error::{Error, ErrorKind, Result};

/// # Errors
/// [`ErrorKind::Unsupported`] for the first of them.
pub(super) fn check(statement: &Statement) -> Result<()> {
    match visit(statement, &mut Forms) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Forms;

impl Visitor for Forms {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        let unsupported = |what: &str| Error::new(ErrorKind::Unsupported, format!("{what} is not supported"));
        match expr {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedByteStringLiteral(text) | Value::DoubleQuotedByteStringLiteral(text) => {
                    let error = error_at(value.span, ErrorKind::Unsupported, format!("b'{text}' is not supported"));
                    ControlFlow::Break(error.with_hint("X'616263' is binary, and so is cast('abc' AS BYTEA)"))
                }
                _ => ControlFlow::Continue(()),
            },
            Expr::CompoundFieldAccess { root, access_chain } => match access_chain.iter().find_map(method) {
                Some(method) => {
                    let at = method.name.0.first().and_then(|part| part.as_ident()).and_then(position);
                    let error = unsupported(&format!("the call of {} behind a value", method.name)).or_at(at);
                    ControlFlow::Break(error.with_hint(format!("write {}({root})", method.name)))
                }
                None => ControlFlow::Continue(()),
            },
            _ => ControlFlow::Continue(()),
        }
    }
}

fn method(access: &AccessExpr) -> Option<&Function> {
    match access {
        AccessExpr::Dot(Expr::Function(function)) => Some(function),
        _ => None,
    }
}
