//! PIVOT and UNPIVOT in FROM, as the queries that they are: an aggregate over the rows of each value, and each row once for
//! each of the columns that it is taken apart into.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, FunctionArguments, NullInclusion,
    PivotValueSource, Query, SetExpr, Statement, TableAlias, TableFactor, Value, Visit, Visitor,
};

use super::Resolver;
use super::from::{columns_of, respell};
use super::query::planned;
use super::scope::{Column, Scope};
use crate::dialect::pivoted::{COMPUTED, called, over_rows};
use crate::dialect::{grammar, quoted};
use crate::error::{Error, ErrorKind, Result};

impl Resolver<'_> {
    /// Makes a PIVOT or UNPIVOT a subquery; leaves every other item of FROM as it is.
    pub(super) fn spread(&mut self, factor: &mut TableFactor, before: &Scope) -> Result<()> {
        let query = match factor {
            TableFactor::Pivot { .. } => self.pivot(factor, before)?,
            TableFactor::Unpivot { .. } => self.unpivot(factor, before)?,
            _ => return Ok(()),
        };
        let alias = alias_of(factor);
        *factor = TableFactor::Derived { lateral: false, subquery: Box::new(query), alias, sample: None };
        Ok(())
    }

    fn pivot(&mut self, factor: &mut TableFactor, before: &Scope) -> Result<Query> {
        let TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, .. } = factor
        else {
            return Err(unsupported("this PIVOT", "write the aggregates with FILTER (WHERE ...)"));
        };
        let scope = self.factor(table, before)?;
        let columns = known(&scope)?;
        let (PivotValueSource::List(values), None) = (&*value_source, default_on_null) else {
            return Err(unsupported("PIVOT without a list of values", "list the values: FOR x IN ('a', 'b')"));
        };
        let mut used = Named::default();
        for key in value_column.iter_mut() {
            self.expr(key, &scope)?;
            let _ = Visit::visit(key, &mut used);
        }
        for aggregate in aggregate_functions.iter_mut() {
            self.expr(&mut aggregate.expr, &scope)?;
            let _ = Visit::visit(&aggregate.expr, &mut used);
        }
        let groups: Vec<String> =
            columns.iter().map(|c| c.name.clone()).filter(|name| !used.0.contains(name)).collect();
        let groups: Vec<String> = groups.iter().map(|name| quoted(name).to_string()).collect();
        let mut list = groups.clone();
        for value in values {
            for aggregate in aggregate_functions.iter() {
                let name = pivoted_name(value, aggregate, aggregate_functions.len() > 1);
                list.push(format!("{} AS {}", filtered(&aggregate.expr, value_column, &value.expr)?, quoted(&name)));
            }
        }
        let by = if groups.is_empty() { String::new() } else { format!(" GROUP BY {}", groups.join(", ")) };
        parsed(&format!("SELECT {} FROM {table}{by}", list.join(", ")))
    }

    fn unpivot(&mut self, factor: &mut TableFactor, before: &Scope) -> Result<Query> {
        let TableFactor::Unpivot { table, value, name, columns, null_inclusion, .. } = factor else {
            return Err(unsupported("this UNPIVOT", "write it as UNION ALL"));
        };
        let scope = self.factor(table, before)?;
        let known = known(&scope)?;
        let Expr::Identifier(value) = value else {
            return Err(unsupported("UNPIVOT into several columns", "unpivot one column at a time"));
        };
        expand_star(columns, &known)?;
        let mut arms = Vec::with_capacity(columns.len());
        let mut names = Vec::with_capacity(columns.len());
        for ExprWithAlias { expr, alias } in columns.iter_mut() {
            let Expr::Identifier(column) = expr else {
                return Err(unsupported("UNPIVOT of several columns at once", "unpivot one column at a time"));
            };
            respell(column, Some(&known))?;
            let column = planned(column);
            let label = alias.as_ref().map_or(&column, |alias| &alias.value).replace('\'', "''");
            arms.push(format!("WHEN '{label}' THEN {}", quoted(&column)));
            names.push((column, label));
        }
        let rest = known.iter().filter(|known| !names.iter().any(|(column, _)| *column == known.name));
        let mut list: Vec<String> = rest.map(|column| quoted(&column.name).to_string()).collect();
        let label = quoted(&name.value);
        list.push(format!("maar_labels.{label}"));
        list.push(format!("CASE maar_labels.{label} {} END AS {}", arms.join(" "), quoted(&value.value)));
        let labels: Vec<String> = names.iter().map(|(_, label)| format!("('{label}')")).collect();
        let all = format!(
            "SELECT {} FROM {table} CROSS JOIN (VALUES {}) AS maar_labels({label})",
            list.join(", "),
            labels.join(", ")
        );
        match null_inclusion {
            Some(NullInclusion::IncludeNulls) => parsed(&all),
            Some(NullInclusion::ExcludeNulls) | None => {
                parsed(&format!("SELECT * FROM ({all}) AS maar_rows WHERE {} IS NOT NULL", quoted(&value.value)))
            }
        }
    }
}

/// Stands for all columns but those that it is called with, where UNPIVOT lists columns.
pub(in crate::dialect) const ALL_BUT: &str = "maar_all_but";

fn expand_star(columns: &mut Vec<ExprWithAlias>, known: &[Column]) -> Result<()> {
    let [ExprWithAlias { expr: Expr::Function(star), alias: None }] = columns.as_slice() else { return Ok(()) };
    let FunctionArguments::List(list) = &star.args else { return Ok(()) };
    if star.name.to_string() != ALL_BUT {
        return Ok(());
    }
    let mut left_out = HashSet::new();
    for argument in &list.args {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name))) = argument else {
            return Err(unsupported("EXCLUDE of anything but columns", "name the columns: EXCLUDE (a, b)"));
        };
        let mut name = name.clone();
        respell(&mut name, Some(known))?;
        left_out.insert(planned(&name));
    }
    let rest = known.iter().filter(|column| !left_out.contains(&column.name));
    let rest = rest.map(|column| ExprWithAlias { expr: Expr::Identifier(quoted(&column.name)), alias: None });
    *columns = rest.collect();
    Ok(())
}

/// The names that expressions have in them.
#[derive(Default)]
struct Named(HashSet<String>);

impl Visitor for Named {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => self.0.extend([planned(name)]),
            Expr::CompoundIdentifier(parts) => self.0.extend(parts.last().map(planned)),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn known(scope: &Scope) -> Result<Vec<Column>> {
    columns_of(scope).ok_or_else(|| {
        unsupported("PIVOT of a table whose columns are not known yet", "name its columns in a subquery")
    })
}

fn unsupported(what: &str, instead: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{what} is not supported")).with_hint(instead)
}

/// `aggregate` over the rows whose `keys` are `value`, a tuple where there are several keys.
fn filtered(aggregate: &Expr, keys: &[Expr], value: &Expr) -> Result<Expr> {
    let values = match value {
        Expr::Tuple(values) if keys.len() > 1 => values.as_slice(),
        one => std::slice::from_ref(one),
    };
    if keys.len() != values.len() {
        let message = format!("PIVOT over {} columns wants as many values, not {value}", keys.len());
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let tests = keys.iter().zip(values).map(|(key, value)| is(key, value));
    let both = |left, right| Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::And, right: Box::new(right) };
    Ok(match tests.reduce(both) {
        Some(test) => over_rows(computed(aggregate).clone(), test),
        None => computed(aggregate).clone(),
    })
}

/// What PIVOT computes, without what the parser wants around it.
fn computed(aggregate: &Expr) -> &Expr {
    match called(aggregate, COMPUTED).as_deref() {
        Some(&[computed]) => computed,
        _ => aggregate,
    }
}

fn is(key: &Expr, value: &Expr) -> Expr {
    match value {
        Expr::Value(literal) if literal.value == Value::Null => Expr::IsNull(Box::new(key.clone())),
        _ => {
            let op = BinaryOperator::Eq;
            Expr::BinaryOp { left: Box::new(key.clone()), op, right: Box::new(value.clone()) }
        }
    }
}

/// The value alone names its column, with the aggregate behind it where there are several.
fn pivoted_name(value: &ExprWithAlias, aggregate: &ExprWithAlias, several: bool) -> String {
    let value_name = match (&value.alias, &value.expr) {
        (Some(alias), _) => alias.value.clone(),
        (None, Expr::Value(literal)) => match &literal.value {
            Value::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        (None, other) => other.to_string(),
    };
    match &aggregate.alias {
        Some(alias) => format!("{value_name}_{}", alias.value),
        None if several => format!("{value_name}_{}", computed(&aggregate.expr)),
        None => value_name,
    }
}

fn alias_of(factor: &mut TableFactor) -> Option<TableAlias> {
    match factor {
        TableFactor::Pivot { alias, .. } | TableFactor::Unpivot { alias, .. } => alias.take(),
        _ => None,
    }
}

fn parsed(sql: &str) -> Result<Query> {
    match grammar::statement(sql) {
        Ok(Statement::Query(query)) if matches!(*query.body, SetExpr::Select(_)) => Ok(*query),
        _ => Err(unsupported("this PIVOT", "write the aggregates with FILTER (WHERE ...)")),
    }
}
