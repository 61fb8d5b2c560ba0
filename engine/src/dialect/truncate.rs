//! TRUNCATE of one table is DELETE of all its rows: tables in memory know no other way.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{FromTable, Statement as SqlStatement, TableFactor, Truncate};

use super::grammar;

pub(super) fn as_delete(statement: &mut Statement) {
    match statement {
        Statement::Statement(inner) => in_parts(inner),
        Statement::Explain(explain) => as_delete(&mut explain.statement),
        _ => {}
    }
}

/// The statement itself, and the one that PREPARE or EXPLAIN has inside.
fn in_parts(statement: &mut SqlStatement) {
    match statement {
        SqlStatement::Truncate(truncate) => {
            if let Some(delete) = deleting(truncate) {
                *statement = delete;
            }
        }
        SqlStatement::Prepare { statement, .. } | SqlStatement::Explain { statement, .. } => in_parts(statement),
        _ => {}
    }
}

/// The DELETE; `None` where TRUNCATE says more than which table.
fn deleting(truncate: &Truncate) -> Option<SqlStatement> {
    let [target] = truncate.table_names.as_slice() else { return None };
    let says_more = truncate.partitions.is_some()
        || truncate.if_exists
        || truncate.identity.is_some()
        || truncate.cascade.is_some()
        || truncate.on_cluster.is_some();
    let mut delete = grammar::statement("DELETE FROM t").ok()?;
    let SqlStatement::Delete(parts) = &mut delete else { return None };
    let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &mut parts.from;
    let TableFactor::Table { name, .. } = &mut tables.first_mut()?.relation else { return None };
    name.clone_from(&target.name);
    (!says_more).then_some(delete)
}
