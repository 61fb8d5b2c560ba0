//! Names of tables and columns, as people write them: they match without regard to case where one thing fits, columns are
//! called what the statement calls them, and may be called the same.
//!
//! The planner wants names spelled exactly and columns of one list named apart. So each name is respelled as what it stands
//! for, each computed column gets its own text for a name, and a name that comes again gets `_1`, `_2`, ...; where such a
//! column is one of the result, the door gives it its name back ([`Resolver::statement`]).
//! Not here: looking tables up (`tables`), and whether a name means anything at all, which the planner says.

mod by_name;
mod column_tests;
mod columns;
mod exprs;
mod from;
mod items;
mod pivot;
mod query;
mod scope;
mod select;
mod sort_names;
mod structs;
mod typed;

pub(super) use pivot::ALL_BUT;
pub(super) use scope::{matching, position, same_but_for_case};

use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{FromTable, ObjectName, Query, Statement as SqlStatement, TableObject};
use datafusion::sql::sqlparser::tokenizer::TokenWithSpan;

use self::query::Output;
use self::scope::{Column, Columns, Scope, spell};
use self::sort_names::{Aggregates, SortNames};
use self::typed::Typed;
use super::tables::Tables;
use crate::error::Result;

/// What the columns of a query are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// They are the result: names may repeat there.
    Result,
    /// They become the columns of a relation, a table or a file.
    Relation,
    /// They are a value or a test, whose names nobody sees.
    Expression,
}

/// Walks a statement and respells its names.
pub(super) struct Resolver<'a> {
    tables: &'a Tables,
    aggregates: &'a Aggregates,
    typed: Typed<'a>,
    /// The common table expressions in sight, the nearest last.
    queries: Vec<(String, Columns)>,
    /// The scopes of the queries around the one at hand, the nearest last.
    outer: Vec<Scope>,
    /// How many subqueries were given names.
    unnamed: usize,
    /// What the sort keys of the query at hand name.
    sorted_by: SortNames,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(tables: &'a Tables, aggregates: &'a Aggregates, tokens: &'a [TokenWithSpan]) -> Self {
        Self {
            tables,
            aggregates,
            typed: Typed::new(tokens),
            queries: Vec::new(),
            outer: Vec::new(),
            unnamed: 0,
            sorted_by: SortNames::default(),
        }
    }

    /// Respells the names of `statement`. What comes back are the names of the columns of its result, where they are others
    /// than the planner will give them.
    ///
    /// # Errors
    /// When several things differ from a name in case alone.
    pub(super) fn statement(&mut self, statement: &mut Statement) -> Result<Option<Vec<String>>> {
        match statement {
            Statement::Statement(inner) => match inner.as_mut() {
                SqlStatement::Query(query) => Ok(self.query(query, Use::Result)?.names_of_result()),
                other => self.command(other).map(|()| None),
            },
            Statement::Explain(explain) => {
                // An explanation has columns of its own.
                self.statement(&mut explain.statement)?;
                Ok(None)
            }
            Statement::CopyTo(copy) => {
                match &mut copy.source {
                    CopyToSource::Query(query) => {
                        let output = self.query(query, Use::Relation)?;
                        output.respell(&mut copy.partitioned_by)?;
                    }
                    CopyToSource::Relation(name) => {
                        let columns = self.table(name);
                        Output::of(columns).respell(&mut copy.partitioned_by)?;
                    }
                }
                Ok(None)
            }
            Statement::CreateExternalTable(_) | Statement::Reset(_) => Ok(None),
        }
    }

    fn command(&mut self, statement: &mut SqlStatement) -> Result<()> {
        match statement {
            SqlStatement::Explain { statement, .. } => match statement.as_mut() {
                SqlStatement::Query(query) => self.query(query, Use::Result).map(|_| ()),
                other => self.command(other),
            },
            SqlStatement::Prepare { statement, .. } => match statement.as_mut() {
                SqlStatement::Query(query) => self.relation(query).map(|_| ()),
                other => self.command(other),
            },
            SqlStatement::CreateTable(create) => {
                create.columns.iter_mut().for_each(|column| items::keep_case(&mut column.name));
                create.query.as_mut().map_or(Ok(()), |query| self.relation(query).map(|_| ()))
            }
            SqlStatement::CreateView(create) => {
                create.columns.iter_mut().for_each(|column| items::keep_case(&mut column.name));
                self.relation(&mut create.query).map(|_| ())
            }
            SqlStatement::Insert(insert) => {
                if let TableObject::TableName(name) = &mut insert.table {
                    let columns = self.table(name);
                    if by_name::is_asked(&insert.columns) {
                        return self.insert_by_name(insert, columns.as_deref());
                    }
                    for column in insert.columns.iter_mut().filter_map(last_ident) {
                        from::respell(column, columns.as_deref())?;
                    }
                }
                insert.source.as_mut().map_or(Ok(()), |query| self.relation(query).map(|_| ()))
            }
            SqlStatement::Delete(delete) => {
                let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &mut delete.from;
                let scope = self.from(tables)?;
                delete.selection.as_mut().map_or(Ok(()), |test| self.expr(test, &scope))
            }
            SqlStatement::Update(update) => self.update(update),
            SqlStatement::ExplainTable { table_name, .. } => {
                self.table(table_name);
                Ok(())
            }
            SqlStatement::Drop { names, .. } => {
                names.iter_mut().for_each(|name| drop(self.table(name)));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn relation(&mut self, query: &mut Query) -> Result<Output> {
        self.query(query, Use::Relation)
    }

    /// Respells the name of a table of the catalog; its columns, where it is known.
    fn table(&self, name: &mut ObjectName) -> Columns {
        let table = self.tables.get(name)?;
        if let Some(ident) = last_ident(name) {
            spell(ident, &table.name);
        }
        let fields = table.schema.fields().iter();
        let column = |field: &datafusion::arrow::datatypes::FieldRef| Column {
            name: field.name().clone(),
            data_type: Some(field.data_type().clone()),
        };
        // A folder without files has no columns; what is wrong with it is said when it is planned.
        Some(fields.map(column).collect())
    }
}

fn last_ident(name: &mut ObjectName) -> Option<&mut datafusion::sql::sqlparser::ast::Ident> {
    match name.0.last_mut()? {
        datafusion::sql::sqlparser::ast::ObjectNamePart::Identifier(ident) => Some(ident),
        datafusion::sql::sqlparser::ast::ObjectNamePart::Function(_) => None,
    }
}
