//! The items of a select list and their names: what the statement calls a column, and what the planner is to call it so that
//! no two are called the same.

use std::collections::HashSet;

use datafusion::sql::sqlparser::ast::{Expr, Ident, SelectItem};

use super::Use;
use super::query::{Output, OutputColumn};
use super::scope::{Column, Relation};
use crate::dialect::quoted;

/// An item that is one column.
pub(super) struct Item {
    /// What the statement calls it.
    pub(super) name: String,
    /// What the planner calls it.
    pub(super) planned: String,
    pub(super) expr: Expr,
    /// It is more than a column of FROM.
    pub(super) is_computed: bool,
}

/// What an item of the list gives.
pub(super) enum Given {
    /// One column.
    One { column: Column, origin: Origin },
    /// The columns of a star, each with what to write for it alone.
    Star {
        columns: Vec<(Expr, Column)>,
        /// The planner's star has other columns.
        is_written_out: bool,
    },
    /// Columns that only the planner will know.
    Unknown,
}

/// Where the name of a column is from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is a plain column, under its own name.
    Table,
    /// It is computed and has no other name than its text.
    Text,
    /// The statement gives the name.
    Alias,
    /// So it does, and its sort keys mean another column by it.
    AliasOfAnother,
}

/// Names the columns of a list. `given` says what each item of it is; no name is made up that sort keys have.
pub(super) fn name_apart<'n>(
    items: &mut Vec<SelectItem>,
    given: Vec<Given>,
    sorted_by: impl Iterator<Item = &'n str>,
    usage: Use,
) -> Output {
    let mut taken = Taken::of(&given);
    taken.own.extend(sorted_by.map(str::to_string));
    // The planner lets the names of a star repeat where nothing reads them by name.
    let repeats_freely = usage == Use::Result && given.len() == 1;
    let mut columns = Some(Vec::with_capacity(given.len()));
    let mut named = Vec::with_capacity(items.len());
    for (item, given) in items.drain(..).zip(given) {
        match given {
            Given::Unknown => {
                columns = None;
                named.push(item);
            }
            Given::One { column, origin } => {
                let is_renamed = origin == Origin::AliasOfAnother;
                let planned = if is_renamed { taken.another(&column.name) } else { taken.apart(&column.name) };
                named.push(with_name(item, &column.name, &planned, origin, usage));
                push(&mut columns, column, planned, is_renamed);
            }
            Given::Star { columns: stars, is_written_out: false } if repeats_freely || taken.are_free(&stars) => {
                for (_, column) in stars {
                    let planned = column.name.clone();
                    taken.used.insert(planned.clone());
                    push(&mut columns, column, planned, false);
                }
                named.push(item);
            }
            Given::Star { columns: stars, .. } => {
                for (expr, column) in stars {
                    let planned = taken.apart(&column.name);
                    named.push(SelectItem::ExprWithAlias { expr, alias: quoted(&planned) });
                    push(&mut columns, column, planned, false);
                }
            }
        }
    }
    *items = named;
    Output { columns }
}

fn push(columns: &mut Option<Vec<OutputColumn>>, column: Column, planned: String, is_renamed: bool) {
    if let Some(columns) = columns {
        columns.push(OutputColumn { name: column.name, planned, data_type: column.data_type, is_renamed });
    }
}

fn with_name(item: SelectItem, name: &str, planned: &str, origin: Origin, usage: Use) -> SelectItem {
    let repeats = name != planned;
    let needs_name = repeats || (origin == Origin::Text && usage != Use::Expression);
    match item {
        SelectItem::UnnamedExpr(expr) if needs_name => SelectItem::ExprWithAlias { expr, alias: quoted(planned) },
        SelectItem::ExprWithAlias { expr, alias } => {
            let mut alias = if repeats { quoted(planned) } else { alias };
            keep_case(&mut alias);
            SelectItem::ExprWithAlias { expr, alias }
        }
        plain => plain,
    }
}

/// The names that a list uses.
#[derive(Default)]
pub(super) struct Taken {
    /// By the columns so far.
    used: HashSet<String>,
    /// Every name of the statement's own: none is made up that is one of these.
    own: HashSet<String>,
}

impl Taken {
    fn of(given: &[Given]) -> Self {
        let names = given.iter().flat_map(|given| match given {
            Given::One { column, .. } => vec![column.name.clone()],
            Given::Star { columns, .. } => columns.iter().map(|(_, column)| column.name.clone()).collect(),
            Given::Unknown => Vec::new(),
        });
        Self { used: HashSet::new(), own: names.collect() }
    }

    /// Whether the names of a star are all different, and no column so far has one of them; takes nothing.
    fn are_free(&self, stars: &[(Expr, Column)]) -> bool {
        let mut names = HashSet::with_capacity(stars.len());
        stars.iter().all(|(_, column)| !self.used.contains(&column.name) && names.insert(column.name.as_str()))
    }

    /// `name`, or the first of `name_1`, `name_2`, ... that is free.
    pub(super) fn apart(&mut self, name: &str) -> String {
        match self.used.insert(name.to_string()) {
            true => name.to_string(),
            false => self.another(name),
        }
    }

    /// The first of `name_1`, `name_2`, ... that is free.
    fn another(&mut self, name: &str) -> String {
        let numbered = (1usize..).map(|number| format!("{name}_{number}"));
        let free = |candidate: &String| !self.own.contains(candidate) && !self.used.contains(candidate);
        let planned = numbered.into_iter().find(free).unwrap_or_default();
        self.used.insert(planned.clone());
        planned
    }
}

/// What names `column` of `relation` alone; a merged column belongs to no relation.
pub(super) fn reference(relation: &Relation, column: &Column, is_merged: bool) -> Expr {
    if relation.qualifier.is_empty() || is_merged {
        return Expr::Identifier(quoted(&column.name));
    }
    let qualified = relation.qualifier.iter().chain([&column.name]);
    Expr::CompoundIdentifier(qualified.map(|part| quoted(part)).collect())
}

/// `expr` without brackets, if it is a name.
pub(super) fn plain(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Nested(inner) => plain(inner),
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Some(expr),
        _ => None,
    }
}

/// A name that the statement gives stays as it is written.
pub(super) fn keep_case(name: &mut Ident) {
    if name.quote_style.is_none() && name.value.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.quote_style = Some('"');
    }
}
