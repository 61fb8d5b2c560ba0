//! USING and NATURAL: the column that two relations share is one column, and its value is that of the side that has the row.
//!
//! DataFusion takes the left side's column always, which is NULL in the rows of a RIGHT or FULL join that have no match, and
//! calls the name ambiguous under WHERE. So a SELECT with such a join is written out before it is planned: the join gets an ON,
//! the shared name what it stands for, and `*` the list of columns. Test: `tests/sqllogictest/slt/join/using.slt`.

mod columns;
mod replace;

use std::ops::ControlFlow;

use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Query, Select, SetExpr, TableFactor, TableWithJoins, Visitor, VisitorMut, With};

use super::grammar;
use super::walk::{visit, visit_mut};
use crate::stack::Guarded;

/// Writes out every join with USING or NATURAL in `statement` whose relations' columns can be known.
pub(super) async fn write_out(state: &SessionState, statement: &mut Statement) {
    let mut wanted = Wanted::default();
    let _ = visit(statement, &mut wanted);
    let mut known = Vec::new();
    for relations in wanted.found {
        let mut names = Vec::new();
        for query in relations {
            let planned = Guarded::new(async {
                let parsed = grammar::statement(&query).map_err(DataFusionError::from)?;
                Ok(state.statement_to_plan(Statement::Statement(Box::new(parsed))).await?)
            });
            let planned = planned.await;
            // What is wrong with the relation is said when the statement itself is planned.
            names.push(
                planned.ok().map(|plan| plan.schema().fields().iter().map(|field| field.name().clone()).collect()),
            );
        }
        known.push(names);
    }
    if !known.is_empty() {
        let _ = visit_mut(statement, &mut WriteOut { known: known.into_iter() });
    }
}

/// The names of a relation's columns, where they are known.
type Names = Option<Vec<String>>;

/// Collects the queries that tell the columns of the relations, for each SELECT that has a shared column.
#[derive(Default)]
struct Wanted {
    scopes: Vec<Option<With>>,
    found: Vec<Vec<String>>,
}

impl Visitor for Wanted {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.scopes.push(query.with.clone());
        let mut selects = Vec::new();
        collect(&query.body, &mut selects);
        for select in selects.into_iter().filter(|select| shares_columns(select)) {
            let mut relations = Vec::new();
            select.from.iter().for_each(|from| collect_relations(from, &mut relations));
            let with = self.with();
            self.found.push(relations.iter().map(|relation| format!("{with} SELECT * FROM {relation}")).collect());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }
}

impl Wanted {
    /// The common table expressions in sight; the innermost of a name hides the others.
    fn with(&self) -> String {
        let mut tables = Vec::new();
        for table in self.scopes.iter().flatten().flat_map(|with| &with.cte_tables) {
            tables.retain(|(name, _)| *name != table.alias.name.value);
            tables.push((table.alias.name.value.clone(), table.to_string()));
        }
        if tables.is_empty() {
            return String::new();
        }
        let is_recursive = self.scopes.iter().flatten().any(|with| with.recursive);
        let tables: Vec<String> = tables.into_iter().map(|(_, table)| table).collect();
        format!("WITH {}{}", if is_recursive { "RECURSIVE " } else { "" }, tables.join(", "))
    }
}

/// Goes over the same SELECTs in the same order, with the columns that were found.
struct WriteOut {
    known: std::vec::IntoIter<Vec<Names>>,
}

impl VisitorMut for WriteOut {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let is_select = matches!(*query.body, SetExpr::Select(_));
        let mut selects = Vec::new();
        collect_mut(&mut query.body, &mut selects);
        for select in selects.into_iter().filter(|select| shares_columns(select)) {
            let names = self.known.next().unwrap_or_default();
            let order_by = if is_select { query.order_by.as_mut() } else { None };
            replace::write_out(select, order_by, names);
        }
        ControlFlow::Continue(())
    }
}

fn shares_columns(select: &Select) -> bool {
    select.from.iter().any(columns::has_shared)
}

/// The relations of `from` whose columns have to be asked for, in order.
fn collect_relations(from: &TableWithJoins, found: &mut Vec<TableFactor>) {
    for relation in std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)) {
        match relation {
            TableFactor::NestedJoin { table_with_joins, alias: None } => collect_relations(table_with_joins, found),
            other => found.push(other.clone()),
        }
    }
}

fn collect<'a>(body: &'a SetExpr, found: &mut Vec<&'a Select>) {
    match body {
        SetExpr::Select(select) => found.push(select),
        SetExpr::SetOperation { left, right, .. } => {
            collect(left, found);
            collect(right, found);
        }
        _ => {}
    }
}

fn collect_mut<'a>(body: &'a mut SetExpr, found: &mut Vec<&'a mut Select>) {
    match body {
        SetExpr::Select(select) => found.push(select),
        SetExpr::SetOperation { left, right, .. } => {
            collect_mut(left, found);
            collect_mut(right, found);
        }
        _ => {}
    }
}
