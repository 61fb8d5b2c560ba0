//! `t TABLESAMPLE BERNOULLI (10 PERCENT)` is the rows of `t` that a throw of dice takes, and `TABLESAMPLE (5 ROWS)` five of
//! them at random: the planner leaves the clause out. Not here: `USING SAMPLE`, which `spellings` makes TABLESAMPLE.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, SetExpr, Statement as SqlStatement, TableAlias, TableFactor, TableSample, TableSampleKind,
    TableSampleMethod, TableSampleQuantity, TableSampleUnit, Value, VisitorMut,
};

use super::grammar;
use super::walk::visit_mut;
use crate::error::{Error, ErrorKind, Result};

/// Writes out every sample.
///
/// # Errors
/// Of kind Invalid or Unsupported, for one that does not say how many rows it takes, or takes the same ones each time.
pub(super) fn write_out(statement: &mut Statement) -> Result<()> {
    match visit_mut(statement, &mut Samples) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Samples;

impl VisitorMut for Samples {
    type Break = Error;

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        let (TableFactor::Table { sample, .. } | TableFactor::Derived { sample, .. }) = factor else {
            return ControlFlow::Continue(());
        };
        let Some(TableSampleKind::BeforeTableAlias(asked) | TableSampleKind::AfterTableAlias(asked)) = sample.take()
        else {
            return ControlFlow::Continue(());
        };
        match sampled(factor, &asked) {
            Ok(written) => {
                *factor = written;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

fn sampled(factor: &TableFactor, asked: &TableSample) -> Result<TableFactor> {
    let taken = rows_of(asked)?;
    let alias = match factor {
        TableFactor::Table { name, alias, .. } => {
            let own = || name.0.last().and_then(|part| part.as_ident()).map(|name| named(name.clone()));
            alias.clone().or_else(own)
        }
        TableFactor::Derived { alias, .. } => alias.clone(),
        _ => None,
    };
    let Ok(SqlStatement::Query(mut subquery)) = grammar::statement(&format!("SELECT * FROM t {taken}")) else {
        return Err(invalid(asked));
    };
    if let SetExpr::Select(select) = subquery.body.as_mut()
        && let [table] = select.from.as_mut_slice()
    {
        table.relation = factor.clone();
    }
    Ok(TableFactor::Derived { lateral: false, subquery, alias, sample: None })
}

fn named(name: Ident) -> TableAlias {
    TableAlias { explicit: true, name, columns: Vec::new(), at: None }
}

/// What takes the rows.
fn rows_of(asked: &TableSample) -> Result<String> {
    if asked.seed.is_some() {
        let error = Error::new(ErrorKind::Unsupported, "a sample that is the same each time is not supported");
        return Err(error.with_hint("leave REPEATABLE out, or take rows by a key: WHERE id % 10 = 0"));
    }
    let Some(TableSampleQuantity { value: Expr::Value(count), unit, parenthesized }) = &asked.quantity else {
        return Err(invalid(asked));
    };
    let Value::Number(count, _) = &count.value else { return Err(invalid(asked)) };
    let by_chance = matches!(asked.name, Some(TableSampleMethod::Bernoulli | TableSampleMethod::System));
    match unit {
        Some(TableSampleUnit::Percent) => Ok(format!("WHERE random() < {count} / 100.0")),
        None if by_chance => Ok(format!("WHERE random() < {count} / 100.0")),
        Some(TableSampleUnit::Rows) => Ok(format!("ORDER BY random() LIMIT {count}")),
        // As in DuckDB, where alone a number stands without brackets.
        None if !parenthesized => Ok(format!("ORDER BY random() LIMIT {count}")),
        None => Err(invalid(asked)),
    }
}

fn invalid(asked: &TableSample) -> Error {
    let error =
        Error::new(ErrorKind::Invalid, format!("{} does not say how many rows it takes", asked.to_string().trim()));
    error.with_hint("write TABLESAMPLE BERNOULLI (10 PERCENT), or TABLESAMPLE (100 ROWS)")
}
