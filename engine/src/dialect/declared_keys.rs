//! PRIMARY KEY and UNIQUE are read and not kept: nothing checks rows for them, and DataFusion would leave out a DISTINCT, a
//! group key or a sort key because of them. docs/sql.md says so.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{ColumnDef, ColumnOption, Statement as SqlStatement, TableConstraint};

/// Takes the keys out of a table's declaration.
pub(super) fn forget(statement: &mut Statement) {
    match statement {
        Statement::CreateExternalTable(create) => forget_in(&mut create.columns, &mut create.constraints),
        Statement::Statement(inner) => {
            if let SqlStatement::CreateTable(create) = inner.as_mut() {
                forget_in(&mut create.columns, &mut create.constraints);
            }
        }
        Statement::Explain(explain) => forget(&mut explain.statement),
        _ => {}
    }
}

fn forget_in(columns: &mut [ColumnDef], constraints: &mut Vec<TableConstraint>) {
    constraints.retain(|one| !matches!(one, TableConstraint::PrimaryKey(_) | TableConstraint::Unique(_)));
    for column in columns {
        column.options.retain(|option| !matches!(option.option, ColumnOption::PrimaryKey(_) | ColumnOption::Unique(_)));
    }
}
