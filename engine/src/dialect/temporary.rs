//! TEMP TABLE and TEMP VIEW: every table and view that a session makes lives as long as the session, so the word adds nothing.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

/// Takes the word away.
pub(super) fn forget(statement: &mut Statement) {
    match statement {
        Statement::Statement(inner) => match inner.as_mut() {
            SqlStatement::CreateTable(create) => create.temporary = false,
            SqlStatement::CreateView(create) => create.temporary = false,
            _ => {}
        },
        Statement::Explain(explain) => forget(&mut explain.statement),
        _ => {}
    }
}
