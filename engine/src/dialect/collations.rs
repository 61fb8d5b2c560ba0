//! COLLATE: text is ordered by its bytes, which is what the collations named so ask for; every other one is refused.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Value, VisitorMut};

use super::walk::visit_mut;
use crate::error::{Error, ErrorKind, Result};

/// The collations of PostgreSQL and DuckDB that order by bytes.
const BY_BYTES: &[&str] = &["c", "posix", "ucs_basic", "binary"];

/// Leaves out the collations that change nothing.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for one that would.
pub(super) fn leave_out(statement: &mut Statement) -> Result<()> {
    match visit_mut(statement, &mut Collations) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Collations;

impl VisitorMut for Collations {
    type Break = Error;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let Expr::Collate { expr: text, collation } = expr else { return ControlFlow::Continue(()) };
        if !is_by_bytes(collation) {
            let message = format!("COLLATE {collation} is not supported: text is compared by its bytes");
            let error = Error::new(ErrorKind::Unsupported, message);
            return ControlFlow::Break(error.with_hint("compare what is made alike, as in ORDER BY lower(name)"));
        }
        *expr = Expr::Nested(std::mem::replace(text, Box::new(Expr::value(Value::Null))));
        ControlFlow::Continue(())
    }
}

fn is_by_bytes(collation: &ObjectName) -> bool {
    let name = collation.0.last().and_then(|part| part.as_ident());
    name.is_some_and(|name| BY_BYTES.iter().any(|known| name.value.eq_ignore_ascii_case(known)))
}
