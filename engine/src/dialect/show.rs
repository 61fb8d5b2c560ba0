//! SHOW TABLES lists the tables and views of the user: DataFusion lists those of `information_schema` among them, and a server has
//! tables about itself (`maar.system`).

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{ShowStatementFilter, ShowStatementFilterPosition, Statement as SqlStatement};

use super::grammar;

/// The query that a plain SHOW TABLES is, with LIKE if it has one; every other statement as it is.
pub(super) fn tables(statement: Statement) -> Statement {
    let Statement::Statement(inner) = &statement else { return statement };
    let SqlStatement::ShowTables { extended, full, terse, history, external, show_options: options } = inner.as_ref()
    else {
        return statement;
    };
    let plain = !(*extended || *full || *terse || *history || *external)
        && options.show_in.is_none()
        && options.starts_with.is_none()
        && options.limit.is_none();
    let like = match &options.filter_position {
        None => String::new(),
        Some(ShowStatementFilterPosition::Infix(filter) | ShowStatementFilterPosition::Suffix(filter)) => {
            match filter {
                ShowStatementFilter::Like(pattern) => format!(" AND table_name LIKE {}", string(pattern)),
                ShowStatementFilter::ILike(pattern) => format!(" AND table_name ILIKE {}", string(pattern)),
                ShowStatementFilter::Where(_) | ShowStatementFilter::NoKeyword(_) => return statement,
            }
        }
    };
    let query = format!(
        "SELECT table_catalog, table_schema, table_name, table_type FROM information_schema.tables \
         WHERE table_schema <> 'information_schema' AND NOT (table_catalog = 'maar' AND table_schema = 'system'){like} ORDER BY table_catalog, table_schema, table_name"
    );
    match grammar::statement(&query) {
        Ok(query) if plain => Statement::Statement(Box::new(query)),
        _ => statement,
    }
}

fn string(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
