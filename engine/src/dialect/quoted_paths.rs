//! `FROM 'sales'`: a name in single quotes is a table, view or CTE where there is one of that name, and a path otherwise, as in
//! DuckDB. The catalog takes a name for a path by its looks alone; so such a path is opened here, as a table that this
//! statement alone sees under the name that was typed.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{
    ObjectName, ObjectNamePart, Query, Statement as SqlStatement, TableFactor, Visitor,
};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::readers::Named;
use super::walk::visit;
use crate::error::{Position, Result};
use crate::files::{looks_like_path, table_at};

/// The tables of the paths in `statement` that do not look like paths.
///
/// # Errors
/// When there are no files at a path, or their format is not known.
pub(super) async fn open(state: &SessionState, statement: &Statement, tokens: &[TokenWithSpan]) -> Result<Vec<Named>> {
    let mut paths = QuotedPaths { state, with: Vec::new(), found: Vec::new() };
    paths.walk(statement);
    let mut tables: Vec<Named> = Vec::with_capacity(paths.found.len());
    for path in paths.found {
        if tables.iter().any(|(known, _)| *known == path) {
            continue;
        }
        let table = table_at(state, &path).await.map_err(|e| e.or_at(place(&path, tokens)))?;
        tables.push((path, table));
    }
    Ok(tables)
}

/// Where the path stands: the parser forgets it.
fn place(path: &str, tokens: &[TokenWithSpan]) -> Option<Position> {
    let is_it = |token: &&TokenWithSpan| matches!(&token.token, Token::SingleQuotedString(text) if text == path);
    let start = tokens.iter().find(is_it)?.span.start;
    Some(Position { line: start.line as usize, column: start.column as usize })
}

struct QuotedPaths<'a> {
    state: &'a SessionState,
    /// Names that any WITH of the statement gives: none of them is a path.
    with: Vec<String>,
    found: Vec<String>,
}

impl QuotedPaths<'_> {
    fn walk(&mut self, statement: &Statement) {
        match statement {
            Statement::Explain(explain) => self.walk(&explain.statement),
            Statement::CopyTo(copy) => {
                if let CopyToSource::Relation(name) = &copy.source {
                    self.note(name);
                }
            }
            _ => {}
        }
        let _ = visit(statement, self);
    }

    fn note(&mut self, name: &ObjectName) {
        let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else { return };
        let text = name.value.as_str();
        if name.quote_style != Some('\'') || looks_like_path(text) || self.with.iter().any(|with| with == text) {
            return;
        }
        let defaults = &self.state.config_options().catalog;
        let catalog = self.state.catalog_list().catalog(&defaults.default_catalog);
        let schema = catalog.and_then(|catalog| catalog.schema(&defaults.default_schema));
        if !schema.is_some_and(|schema| schema.table_exist(text)) {
            self.found.push(text.to_string());
        }
    }
}

impl Visitor for QuotedPaths<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let with = query.with.iter().flat_map(|with| &with.cte_tables);
        self.with.extend(with.map(|table| table.alias.name.value.clone()));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor {
            self.note(name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &SqlStatement) -> ControlFlow<()> {
        if let SqlStatement::ExplainTable { table_name, .. } = statement {
            self.note(table_name);
        }
        ControlFlow::Continue(())
    }
}
