//! What names stand for at one place of a statement: relations, their columns, and the rule by which a name finds one.
//!
//! A name finds what is spelled exactly like it; else what differs in case alone, if that is one thing. Not here: where in a
//! statement which relations are seen (`from`, `query`).

use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::Ident;

use crate::error::{Error, ErrorKind, Position, Result};

/// A column that can be named.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    /// Known where it comes from a table unchanged; needed for the fields of structs alone.
    pub(super) data_type: Option<DataType>,
}

/// The columns of a relation; `None` where only the planner will know them.
pub(super) type Columns = Option<Vec<Column>>;

/// One item of FROM.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// The alias, or the parts of the table's name; empty for a subquery without alias.
    pub(super) qualifier: Vec<String>,
    pub(super) columns: Columns,
}

/// The relations of one FROM clause.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) relations: Vec<Relation>,
    /// Columns that USING or NATURAL made one of two.
    pub(super) merged: Vec<String>,
    /// Columns of the right side that USING joined under another spelling, with their relation's qualifier: `*` leaves them
    /// out, and without their relation's name they are not meant.
    pub(super) hidden: Vec<(Vec<String>, String)>,
}

/// What a name was found to be.
#[derive(Debug)]
pub(super) enum Found {
    Column(Column),
    /// Not there, but a relation's columns are not known: the planner decides.
    Unknown,
    Missing,
}

impl Scope {
    /// The column that `name` stands for.
    ///
    /// # Errors
    /// When several differ from it in case alone.
    pub(super) fn column(&self, name: &Ident) -> Result<Found> {
        let columns = self
            .relations
            .iter()
            .flat_map(|relation| relation.columns.iter().flatten().map(move |column| (relation, column)))
            .filter(|(relation, column)| !self.hides(relation, column));
        let fitting: Vec<(&Relation, &Column)> =
            columns.filter(|(_, column)| same_but_for_case(&column.name, &name.value)).collect();
        if let Some((_, exact)) = fitting.iter().find(|(_, column)| column.name == name.value) {
            return Ok(Found::Column((*exact).clone()));
        }
        match fitting.as_slice() {
            [] if self.relations.iter().any(|relation| relation.columns.is_none()) => Ok(Found::Unknown),
            [] => Ok(Found::Missing),
            [(_, first), rest @ ..] if rest.iter().all(|(_, column)| column.name == first.name) => {
                Ok(Found::Column((*first).clone()))
            }
            several => {
                let listed = several.iter().map(|(relation, column)| match relation.qualifier.last() {
                    Some(qualifier) if self.relations.len() > 1 => format!("{qualifier}.\"{}\"", column.name),
                    _ => format!("\"{}\"", column.name),
                });
                Err(several_fit("column", name, listed.collect()))
            }
        }
    }

    /// Whether the column is one with another that USING gave it: alone, its name means that one.
    pub(super) fn hides(&self, relation: &Relation, column: &Column) -> bool {
        self.hidden.iter().any(|(qualifier, name)| *qualifier == relation.qualifier && *name == column.name)
    }

    /// The relation that the first of `parts` name, and how many of them it takes.
    pub(super) fn relation(&self, parts: &[Ident]) -> Option<(&Relation, usize)> {
        // The longest qualifier first, as in catalog.schema.table.
        (1..parts.len()).rev().find_map(|taken| {
            let named = |exactly: bool| {
                self.relations.iter().find(|relation| ends_with(&relation.qualifier, &parts[..taken], exactly))
            };
            named(true).or_else(|| named(false)).map(|relation| (relation, taken))
        })
    }
}

fn ends_with(qualifier: &[String], parts: &[Ident], exactly: bool) -> bool {
    let fits = |name: &String, part: &Ident| match exactly {
        true => *name == part.value,
        false => same_but_for_case(name, &part.value),
    };
    qualifier.len() >= parts.len()
        && qualifier[qualifier.len() - parts.len()..].iter().zip(parts).all(|(name, part)| fits(name, part))
}

impl Relation {
    /// The column of this relation that `name` stands for.
    ///
    /// # Errors
    /// When several differ from it in case alone.
    pub(super) fn column(&self, name: &Ident) -> Result<Found> {
        let Some(columns) = &self.columns else { return Ok(Found::Unknown) };
        let names = columns.iter().map(|column| column.name.as_str());
        Ok(match matching("column", name, names)? {
            Some(at) => Found::Column(columns[at].clone()),
            None => Found::Missing,
        })
    }
}

/// Which of `names` the name stands for.
///
/// # Errors
/// When several differ from it in case alone.
pub(in crate::dialect) fn matching<'a>(
    what: &str,
    name: &Ident,
    names: impl Iterator<Item = &'a str>,
) -> Result<Option<usize>> {
    let fitting: Vec<(usize, &str)> =
        names.enumerate().filter(|(_, candidate)| same_but_for_case(candidate, &name.value)).collect();
    if let Some((at, _)) = fitting.iter().find(|(_, candidate)| *candidate == name.value) {
        return Ok(Some(*at));
    }
    match fitting.as_slice() {
        [] => Ok(None),
        [(at, first), rest @ ..] if rest.iter().all(|(_, candidate)| candidate == first) => Ok(Some(*at)),
        several => Err(several_fit(what, name, several.iter().map(|(_, name)| format!("\"{name}\"")).collect())),
    }
}

fn several_fit(what: &str, name: &Ident, listed: Vec<String>) -> Error {
    let message = format!("the {what} {} may be any of {}", name.value, listed.join(", "));
    Error::new(ErrorKind::Invalid, message).or_at(position(name)).with_hint("write it as one of them is spelled")
}

/// Where the name stands in the script; `None` for a name that nobody wrote.
pub(in crate::dialect) fn position(name: &Ident) -> Option<Position> {
    let start = name.span.start;
    (start.line > 0).then_some(Position { line: start.line as usize, column: start.column as usize })
}

pub(in crate::dialect) fn same_but_for_case(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || (!(one.is_ascii() && other.is_ascii())
            && one.chars().flat_map(char::to_lowercase).eq(other.chars().flat_map(char::to_lowercase)))
}

/// Makes `name` stand for exactly `spelled` where the planner would read it otherwise.
pub(super) fn spell(name: &mut Ident, spelled: &str) {
    let read = if name.quote_style.is_some() { name.value.clone() } else { name.value.to_ascii_lowercase() };
    if read != spelled {
        name.quote_style = Some('"');
    }
    if name.value != spelled && name.quote_style.is_some() {
        spelled.clone_into(&mut name.value);
    }
}
