//! TEMP TABLE and TEMP VIEW: the word is taken away, as the host's planner refuses it, and remembered. What is temporary
//! about a table is `crate::temporary`'s.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

/// Takes the word away. Whether it was there.
pub(super) fn take(statement: &mut Statement) -> bool {
    match statement {
        Statement::Statement(inner) => match inner.as_mut() {
            SqlStatement::CreateTable(create) => std::mem::take(&mut create.temporary),
            SqlStatement::CreateView(create) => std::mem::take(&mut create.temporary),
            _ => false,
        },
        Statement::Explain(explain) => take(&mut explain.statement),
        _ => false,
    }
}
