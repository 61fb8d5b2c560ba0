//! Queries: what is in sight where, and what their columns are called.

use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{
    Cte, Expr, Ident, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, Query, SetExpr, TableAlias, Value,
};

use super::by_name;
use super::exprs::Aliases;
use super::items::{Item, keep_case};
use super::scope::{Column, Columns, Scope, matching, spell};
use super::sort_names::{self, SortNames};
use super::{Resolver, Use};
use crate::dialect::casts::keep_apart;
use crate::dialect::quoted;
use crate::error::{Error, ErrorKind, Result};

/// The columns of a query; `None` where only the planner will know them.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) columns: Option<Vec<OutputColumn>>,
}

#[derive(Debug)]
pub(super) struct OutputColumn {
    /// What the statement calls it.
    pub(super) name: String,
    /// What the planner calls it: no other column of the list has that name.
    pub(super) planned: String,
    pub(super) data_type: Option<DataType>,
    /// That is for the sort keys alone (`sort_names`).
    pub(super) is_renamed: bool,
}

impl Output {
    pub(super) fn of(columns: Columns) -> Self {
        let column = |column: Column| OutputColumn {
            planned: column.name.clone(),
            name: column.name,
            data_type: column.data_type,
            is_renamed: false,
        };
        Self { columns: columns.map(|columns| columns.into_iter().map(column).collect()) }
    }

    /// The columns of the relation that the query is.
    pub(super) fn into_columns(self) -> Columns {
        let column = |column: OutputColumn| Column { name: column.planned, data_type: column.data_type };
        self.columns.map(|columns| columns.into_iter().map(column).collect())
    }

    /// What the door calls the columns, where that is not what the planner calls them.
    pub(super) fn names_of_result(&self) -> Option<Vec<String>> {
        let columns = self.columns.as_ref()?;
        let differs = columns.iter().any(|column| column.name != column.planned);
        differs.then(|| columns.iter().map(|column| column.name.clone()).collect())
    }

    /// Which column of the output `name` is.
    fn position(&self, name: &Ident) -> Result<Option<usize>> {
        let names = self.columns.iter().flatten().map(|column| column.name.as_str());
        matching("column", name, names)
    }

    /// Respells `names` as those of the columns that they stand for.
    pub(super) fn respell(&self, names: &mut [String]) -> Result<()> {
        for name in names {
            let columns = self.columns.as_deref().unwrap_or_default();
            if let Some(at) = self.position(&Ident::new(name.clone()))? {
                columns[at].planned.clone_into(name);
            }
        }
        Ok(())
    }
}

/// A query's body, and what its ORDER BY may name.
pub(super) struct Selected {
    pub(super) output: Output,
    pub(super) scope: Scope,
    pub(super) items: Vec<Item>,
}

impl Resolver<'_> {
    /// Respells the names of a query and of all inside it.
    pub(super) fn query(&mut self, query: &mut Query, usage: Use) -> Result<Output> {
        let in_sight = self.queries.len();
        let output = self.query_with(query, usage);
        self.queries.truncate(in_sight);
        output
    }

    fn query_with(&mut self, query: &mut Query, usage: Use) -> Result<Output> {
        if let Some(with) = &mut query.with {
            for common in &mut with.cte_tables {
                self.common(common, with.recursive)?;
            }
        }
        self.sorted_by = SortNames::of(query, self.aggregates);
        let mut selected = self.body(&mut query.body, usage)?;
        if let Some(order) = &mut query.order_by {
            self.order_by(order, &selected)?;
        }
        if let SetExpr::Select(select) = query.body.as_mut() {
            keep_apart(select, query.order_by.as_mut());
        }
        if usage == Use::Relation {
            sort_names::give_back(query, &mut selected.output);
        }
        Ok(selected.output)
    }

    /// A subquery inside an expression, which sees the columns of `scope` too.
    pub(super) fn subquery(&mut self, query: &mut Query, scope: &Scope) -> Result<()> {
        self.outer.push(scope.clone());
        let output = self.query(query, Use::Expression);
        self.outer.pop();
        output.map(|_| ())
    }

    fn common(&mut self, common: &mut Cte, recursive: bool) -> Result<()> {
        let name = planned(&common.alias.name);
        let columns = match common.query.body.as_mut() {
            SetExpr::SetOperation { left, right, .. } if recursive && common.query.with.is_none() => {
                // The first branch says what the columns are; the second sees them.
                let columns = aliased(self.body(left, Use::Relation)?.output.into_columns(), Some(&mut common.alias));
                self.queries.push((name.clone(), columns.clone()));
                let rest = self.body(right, Use::Relation);
                self.queries.pop();
                rest?;
                columns
            }
            _ => aliased(self.query(&mut common.query, Use::Relation)?.into_columns(), Some(&mut common.alias)),
        };
        self.queries.push((name, columns));
        Ok(())
    }

    fn body(&mut self, body: &mut SetExpr, usage: Use) -> Result<Selected> {
        let output = match body {
            SetExpr::Select(select) => return self.select(select, usage),
            SetExpr::Query(query) => self.query(query, usage)?,
            SetExpr::SetOperation { left, right, set_quantifier, .. } => {
                let mut output = self.body(left, usage)?.output;
                let other = self.body(right, if usage == Use::Result { Use::Relation } else { usage })?.output;
                if by_name::is_by_name(*set_quantifier) {
                    output = by_name::joined(output, other, right)?;
                }
                for branch in [left, right] {
                    if let SetExpr::Select(select) = branch.as_mut() {
                        keep_apart(select, None);
                    }
                }
                output
            }
            SetExpr::Values(values) => {
                let scope = Scope::default();
                for value in values.rows.iter_mut().flat_map(|row| row.content.iter_mut()) {
                    self.expr(value, &scope)?;
                }
                let width = values.rows.first().map_or(0, |row| row.content.len());
                let column = |at| Column { name: format!("column{at}"), data_type: None };
                Output::of(Some((1..=width).map(column).collect()))
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) | SetExpr::Table(_) => {
                Output::default()
            }
        };
        Ok(Selected { output, scope: Scope::default(), items: Vec::new() })
    }

    fn order_by(&mut self, order: &mut OrderBy, selected: &Selected) -> Result<()> {
        if let Some(options) = all_of(order, &selected.output)? {
            let Some(columns) = &selected.output.columns else {
                return Err(Error::new(ErrorKind::Unsupported, "ORDER BY ALL needs to know the columns of the query")
                    .with_hint("name the columns"));
            };
            let ordinal = |at: usize| OrderByExpr {
                expr: Expr::value(Value::Number(at.to_string(), false)),
                options,
                with_fill: None,
            };
            order.kind = OrderByKind::Expressions((1..=columns.len()).map(ordinal).collect());
            return Ok(());
        }
        let OrderByKind::Expressions(keys) = &mut order.kind else { return Ok(()) };
        for OrderByExpr { expr, .. } in keys {
            self.sort_key(expr, selected)?;
        }
        Ok(())
    }

    /// A bare name is a column of the output if one has it, else of FROM. A computed column of the output is named by its
    /// expression too.
    pub(super) fn sort_key(&mut self, key: &mut Expr, selected: &Selected) -> Result<()> {
        if let Expr::Identifier(name) = key
            && let Some(at) = selected.output.position(name)?
            && let Some(column) = selected.output.columns.as_ref().and_then(|columns| columns.get(at))
        {
            spell(name, &column.planned);
            return Ok(());
        }
        self.expr_with(key, &selected.scope, Aliases::Renamed(&selected.items))?;
        let same = |item: &&Item| item.is_computed && item.expr == *key;
        if let Some(item) = selected.items.iter().find(same) {
            *key = Expr::Identifier(quoted(&item.planned));
        }
        Ok(())
    }
}

/// What ORDER BY ALL says of every key. The parser takes its ALL for a name; a column that is called so comes first.
fn all_of(order: &OrderBy, output: &Output) -> Result<Option<OrderByOptions>> {
    match &order.kind {
        OrderByKind::All(options) => Ok(Some(*options)),
        OrderByKind::Expressions(keys) => match keys.as_slice() {
            [OrderByExpr { expr: Expr::Identifier(name), options, .. }]
                if name.quote_style.is_none()
                    && name.value.eq_ignore_ascii_case("all")
                    && output.position(name)?.is_none() =>
            {
                Ok(Some(*options))
            }
            _ => Ok(None),
        },
    }
}

/// The name that the planner reads.
pub(super) fn planned(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_ascii_lowercase() }
}

/// `columns` under the names that an alias gives them.
pub(super) fn aliased(columns: Columns, alias: Option<&mut TableAlias>) -> Columns {
    let Some(alias) = alias.filter(|alias| !alias.columns.is_empty()) else { return columns };
    let mut names = Vec::with_capacity(alias.columns.len());
    for column in &mut alias.columns {
        keep_case(&mut column.name);
        names.push(column.name.value.clone());
    }
    let mut known = columns.unwrap_or_default();
    let given = names.len();
    let rest = if known.len() > given { known.split_off(given) } else { Vec::new() };
    let mut types = known.into_iter().map(|column| column.data_type);
    let renamed = names.into_iter().map(|name| Column { name, data_type: types.next().flatten() });
    Some(renamed.chain(rest).collect())
}
