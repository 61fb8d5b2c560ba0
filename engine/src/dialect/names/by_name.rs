//! BY NAME: columns that are matched by what they are called. Those of UNION's second query are spelled as those of the first
//! where they differ in case alone, and INSERT INTO t BY NAME lists the names of its query.

use datafusion::sql::sqlparser::ast::{Ident, Insert, ObjectName, SetExpr, SetQuantifier, Statement, TableFactor};

use super::query::Output;
use super::scope::{Column, matching};
use super::{Resolver, from};
use crate::dialect::grammar;
use crate::dialect::quoted;
use crate::dialect::spellings::BY_NAME;
use crate::error::{Error, ErrorKind, Result};

pub(super) fn is_by_name(quantifier: SetQuantifier) -> bool {
    matches!(quantifier, SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName)
}

/// The columns of both queries, each name once. `right` is put into a query that spells its columns as the left does.
///
/// # Errors
/// When several columns differ from a name in case alone.
pub(super) fn joined(left: Output, right: Output, query: &mut SetExpr) -> Result<Output> {
    let (Some(mut columns), Some(others)) = (left.columns, right.columns) else { return Ok(Output::default()) };
    let mut spelled = Vec::with_capacity(others.len());
    for column in others {
        let name = Ident::new(column.planned.clone());
        let names: Vec<&str> = columns.iter().map(|column| column.planned.as_str()).collect();
        match matching("column", &name, names.into_iter())? {
            Some(at) => spelled.push((column.planned, columns[at].planned.clone())),
            None => {
                spelled.push((column.planned.clone(), column.planned.clone()));
                columns.push(column);
            }
        }
    }
    if spelled.iter().any(|(name, spelling)| name != spelling) {
        respell(query, &spelled);
    }
    Ok(Output { columns: Some(columns) })
}

/// Puts `query` into one that gives each column its spelling.
pub(super) fn respell(query: &mut SetExpr, spelled: &[(String, String)]) {
    let items: Vec<String> =
        spelled.iter().map(|(name, spelling)| format!("{} AS {}", quoted(name), quoted(spelling))).collect();
    let outer = format!("SELECT {} FROM (SELECT 1) AS maar_named", items.join(", "));
    let Ok(Statement::Query(mut outer)) = grammar::statement(&outer) else { return };
    let SetExpr::Select(select) = outer.body.as_mut() else { return };
    let Some(TableFactor::Derived { subquery, .. }) = select.from.first_mut().map(|table| &mut table.relation) else {
        return;
    };
    std::mem::swap(subquery.body.as_mut(), query);
    *query = *outer.body;
}

/// Whether the columns of an INSERT are to be those of its query.
pub(super) fn is_asked(columns: &[ObjectName]) -> bool {
    matches!(columns, [only] if only.to_string() == BY_NAME)
}

impl Resolver<'_> {
    pub(super) fn insert_by_name(&mut self, insert: &mut Insert, table: Option<&[Column]>) -> Result<()> {
        let output = match &mut insert.source {
            Some(query) => self.relation(query)?,
            None => Output::default(),
        };
        let Some(columns) = output.columns else {
            return Err(Error::new(ErrorKind::Unsupported, "BY NAME needs to know the columns of the query")
                .with_hint("list the columns: INSERT INTO t (a, b) SELECT ..."));
        };
        insert.columns.clear();
        for column in columns {
            let mut name = quoted(&column.planned);
            from::respell(&mut name, table)?;
            insert.columns.push(ObjectName::from(vec![name]));
        }
        Ok(())
    }
}
