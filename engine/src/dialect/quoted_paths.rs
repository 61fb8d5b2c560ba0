//! `FROM 'sales'`: a name in single quotes is a table, view or CTE where there is one of that name, and a path otherwise, as in
//! DuckDB. DataFusion's planner forgets the quotes, and a bare `FROM sales` is no path; so the path becomes `./sales`.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement};
use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, Query, Statement as SqlStatement, TableFactor, VisitMut, VisitorMut,
};

use crate::files::looks_like_path;

pub(super) fn rewrite(state: &SessionState, statement: &mut Statement) {
    let mut paths = QuotedPaths { state, with: Vec::new() };
    match statement {
        Statement::Statement(statement) => {
            let _ = VisitMut::visit(statement, &mut paths);
        }
        Statement::CopyTo(CopyToStatement { source, .. }) => match source {
            CopyToSource::Relation(name) => paths.make_path(name),
            CopyToSource::Query(query) => {
                let _ = VisitMut::visit(query, &mut paths);
            }
        },
        Statement::Explain(explain) => rewrite(state, &mut explain.statement),
        _ => {}
    }
}

struct QuotedPaths<'a> {
    state: &'a SessionState,
    /// Names that any WITH of the statement gives: none of them is a path.
    with: Vec<String>,
}

impl QuotedPaths<'_> {
    fn make_path(&self, name: &mut ObjectName) {
        let [ObjectNamePart::Identifier(name)] = name.0.as_mut_slice() else { return };
        let text = name.value.as_str();
        if name.quote_style != Some('\'') || looks_like_path(text) || self.with.iter().any(|with| with == text) {
            return;
        }
        let defaults = &self.state.config_options().catalog;
        let catalog = self.state.catalog_list().catalog(&defaults.default_catalog);
        let schema = catalog.and_then(|catalog| catalog.schema(&defaults.default_schema));
        if !schema.is_some_and(|schema| schema.table_exist(text)) {
            *name = Ident { value: format!("./{text}"), quote_style: Some('\''), span: name.span };
        }
    }
}

impl VisitorMut for QuotedPaths<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let with = query.with.iter().flat_map(|with| &with.cte_tables);
        self.with.extend(with.map(|table| table.alias.name.value.clone()));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor {
            self.make_path(name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &mut SqlStatement) -> ControlFlow<()> {
        if let SqlStatement::ExplainTable { table_name, .. } = statement {
            self.make_path(table_name);
        }
        ControlFlow::Continue(())
    }
}
