//! Clauses that the parser reads and the planner would leave out in silence, refused by name. Every field of a query, a
//! SELECT and a table is listed, so that a clause that the parser learns is looked at here first.
//!
//! Not here: expressions (`forms`), options (`refused`).

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    GroupByExpr, GroupByWithModifier, JoinConstraint, JoinOperator, LimitClause, OrderBy, OrderByKind, Query, Select,
    TableAlias, TableFactor, TableWithJoins, Visitor,
};

use super::walk::visit;
use crate::error::{Error, ErrorKind, Result};

/// A clause, and what to write instead.
type Refusal = (&'static str, &'static str);

const POSITIONAL: Refusal =
    ("POSITIONAL JOIN", "number the rows of both sides with row_number() OVER (ORDER BY ...), and join by that number");
const ASOF: Refusal = (
    "ASOF JOIN",
    "write JOIN u ON t.k = u.k AND t.ts >= u.ts, and QUALIFY row_number() OVER (PARTITION BY t.k, t.ts ORDER BY u.ts DESC) = 1",
);

/// # Errors
/// [`ErrorKind::Unsupported`] for the first of them.
pub(super) fn check(statement: &Statement) -> Result<()> {
    match visit(statement, &mut Clauses) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break((clause, instead)) => {
            Err(Error::new(ErrorKind::Unsupported, format!("{clause} is not supported")).with_hint(instead))
        }
    }
}

struct Clauses;

impl Visitor for Clauses {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refusal> {
        first(of_query(query))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refusal> {
        first(of_select(select).or_else(|| of_groups(&select.group_by)))?;
        first(select.from.iter().find_map(of_joins))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refusal> {
        first(of_table(factor))
    }
}

fn first(found: Option<Refusal>) -> ControlFlow<Refusal> {
    found.map_or(ControlFlow::Continue(()), ControlFlow::Break)
}

/// The first whose clause is there.
fn there<const N: usize>(clauses: [(bool, Refusal); N]) -> Option<Refusal> {
    clauses.into_iter().find_map(|(is_there, refusal)| is_there.then_some(refusal))
}

fn of_query(query: &Query) -> Option<Refusal> {
    let Query {
        with: _,
        body: _,
        order_by,
        limit_clause,
        fetch: _,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators: _,
    } = query;
    let fills = |order: &OrderBy| {
        let keys = match &order.kind {
            OrderByKind::Expressions(keys) => keys.as_slice(),
            OrderByKind::All(_) => &[],
        };
        order.interpolate.is_some() || keys.iter().any(|key| key.with_fill.is_some())
    };
    let by = |limit: &LimitClause| matches!(limit, LimitClause::LimitOffset { limit_by, .. } if !limit_by.is_empty());
    there([
        (
            order_by.as_ref().is_some_and(fills),
            ("ORDER BY ... WITH FILL", "join with generate_series(...), which gives the rows that are missing"),
        ),
        (
            limit_clause.as_ref().is_some_and(by),
            ("LIMIT ... BY", "write QUALIFY row_number() OVER (PARTITION BY ... ORDER BY ...) <= n"),
        ),
        (!locks.is_empty(), ("FOR UPDATE", "leave it out: a statement sees its tables as they were when it began")),
        (for_clause.is_some(), ("FOR XML, JSON or BROWSE", "write COPY (SELECT ...) TO 'file.json'")),
        (settings.is_some(), ("SETTINGS", "write SET name = value before the query")),
        (format_clause.is_some(), ("FORMAT", "write COPY (SELECT ...) TO 'file.csv', or maar --format csv")),
    ])
}

fn of_select(select: &Select) -> Option<Refusal> {
    let Select {
        select_token: _,
        optimizer_hints: _,
        distinct: _,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into: _,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window: _,
        qualify: _,
        window_before_qualify: _,
        value_table_mode,
        flavor: _,
    } = select;
    there([
        (select_modifiers.is_some(), ("a modifier behind SELECT", "leave it out")),
        (top.is_some(), ("TOP", "write LIMIT n at the end of the query")),
        (exclude.is_some(), ("EXCLUDE at the end of the list", "write it behind the star: * EXCLUDE (a, b)")),
        (!lateral_views.is_empty(), ("LATERAL VIEW", "write unnest(list) AS name in the select list")),
        (
            prewhere.is_some(),
            ("PREWHERE", "write WHERE: conditions on columns of files are tested while these are read"),
        ),
        (!connect_by.is_empty(), ("CONNECT BY", "write WITH RECURSIVE")),
        (!cluster_by.is_empty(), ("CLUSTER BY", "write ORDER BY")),
        (!distribute_by.is_empty(), ("DISTRIBUTE BY", "leave it out: rows are dealt out as they must be")),
        (!sort_by.is_empty(), ("SORT BY", "write ORDER BY")),
        (value_table_mode.is_some(), ("SELECT AS STRUCT or VALUE", "write SELECT {'a': a, 'b': b} AS s")),
    ])
}

fn of_groups(groups: &GroupByExpr) -> Option<Refusal> {
    let (GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers)) = groups;
    Some(match modifiers.first()? {
        GroupByWithModifier::Rollup => ("GROUP BY ALL WITH ROLLUP", "name the columns: GROUP BY ROLLUP (a, b)"),
        GroupByWithModifier::Cube => ("GROUP BY ALL WITH CUBE", "name the columns: GROUP BY CUBE (a, b)"),
        GroupByWithModifier::Totals => ("WITH TOTALS", "write GROUP BY GROUPING SETS ((a, b), ())"),
        GroupByWithModifier::GroupingSets(_) => {
            ("GROUPING SETS behind a list", "write GROUP BY GROUPING SETS ((a, b), (a))")
        }
    })
}

fn of_joins(table: &TableWithJoins) -> Option<Refusal> {
    let mut left = &table.relation;
    for join in &table.joins {
        match &join.join_operator {
            JoinOperator::AsOf { .. } => return Some(ASOF),
            // The parser takes the word for the name of what is left of it.
            JoinOperator::Join(JoinConstraint::None) if is_called_positional(left) => return Some(POSITIONAL),
            _ => left = &join.relation,
        }
    }
    None
}

fn is_called_positional(factor: &TableFactor) -> bool {
    let (TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. }) = factor else { return false };
    let is_word = |alias: &TableAlias| {
        !alias.explicit && alias.name.quote_style.is_none() && alias.name.value.eq_ignore_ascii_case("positional")
    };
    alias.as_ref().is_some_and(is_word)
}

fn of_table(factor: &TableFactor) -> Option<Refusal> {
    let TableFactor::Table {
        name: _,
        alias: _,
        args: _,
        with_hints,
        version,
        with_ordinality,
        partitions,
        json_path,
        sample: _,
        index_hints,
    } = factor
    else {
        return None;
    };
    there([
        (!with_hints.is_empty() || !index_hints.is_empty(), ("a hint behind a table", "leave it out")),
        (version.is_some(), ("a table as of a time", "read the files of that time by their paths")),
        (*with_ordinality, ("WITH ORDINALITY", "write row_number() OVER () in the select list")),
        (!partitions.is_empty(), ("PARTITION behind a table", "write a condition on the column that it is made by")),
        (json_path.is_some(), ("a path behind a table", "write the field in the select list: s.field")),
    ])
}
