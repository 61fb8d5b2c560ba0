//! Names that stand for nothing: a column, a table, a function that is not there, and what was meant or may be used instead.

use datafusion::common::SchemaError;

use super::classify::{between, start_of};
use super::nearest::nearest;
use super::{Error, ErrorKind};
use crate::dialect::{instead_of, written_names};

/// How the message about a missing table begins; the name and a quote follow.
pub(super) const NO_TABLE: &str = "there is no table '";

/// Functions that are nothing without OVER.
const WINDOWS: [&str; 10] = [
    "row_number",
    "rank",
    "dense_rank",
    "rank_dense",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
    "nth_value",
];

/// The error of a column that is not there, if `error` is that.
pub(super) fn column(error: &SchemaError) -> Option<Error> {
    let SchemaError::FieldNotFound { field, valid_fields } = error else { return None };
    let names: Vec<&str> = valid_fields.iter().map(|c| c.name.as_str()).collect();
    let mut found = Error::new(ErrorKind::NotFound, format!("there is no column {}", field.quoted_flat_name()));
    found.hint = nearest(&field.name, &names)
        .map(|name| format!("did you mean {}?", quoted(name)))
        .or_else(|| without_brackets(&field.name))
        .or_else(|| columns_there_are(&names));
    found.position = field.spans().first().map(start_of);
    Some(found)
}

/// The error of a function or a table that is not there, if `message` says that of one.
pub(super) fn function_or_table(message: &str) -> Option<Error> {
    if let Some(name) = between(message, "table function '", "' not found") {
        let mut found = Error::new(ErrorKind::NotFound, format!("there is no table function '{name}'"));
        found.hint = instead_of(name).map(|instead| format!("use {instead}"));
        return Some(found);
    }
    if let Some(name) = between(message, "table '", "' not found") {
        let shown = name.strip_prefix("datafusion.public.").unwrap_or(name);
        return Some(Error::new(ErrorKind::NotFound, format!("{NO_TABLE}{shown}'")));
    }
    let name = between(message, "Invalid function '", "'.")?;
    let mut found = Error::new(ErrorKind::NotFound, format!("there is no function '{name}'"));
    // The planner suggests what is nearest however far it is.
    let mut candidates: Vec<&str> = written_names().collect();
    candidates.extend(between(message, "Did you mean '", "'?"));
    let near = nearest(name, &candidates);
    if WINDOWS.contains(&name.to_ascii_lowercase().as_str()) {
        let text = format!("{name} is a window function, and wants OVER");
        let hint = format!("write {name}(...) OVER (PARTITION BY a ORDER BY b)");
        return Some(Error::new(ErrorKind::Invalid, text).with_hint(hint));
    }
    found.hint = match instead_of(name) {
        Some(instead) => Some(format!("use {instead}")),
        None => near.map(|near| format!("did you mean {near}?")),
    };
    Some(found)
}

/// What to write instead of a function of SQL's that has no brackets, and so is taken for a column.
fn without_brackets(name: &str) -> Option<String> {
    const THERE: [&str; 2] = ["current_schema", "localtimestamp"];
    const MISSING: [&str; 6] =
        ["current_user", "session_user", "system_user", "current_role", "current_catalog", "localtime"];
    let name = name.to_ascii_lowercase();
    if THERE.contains(&name.as_str()) {
        return Some(format!("write {name}()"));
    }
    let instead = instead_of(&name).filter(|_| MISSING.contains(&name.as_str()))?;
    Some(format!("use {instead}"))
}

fn columns_there_are(names: &[&str]) -> Option<String> {
    const LISTED_MAX: usize = 12;
    if names.is_empty() {
        return None;
    }
    let listed: Vec<String> = names.iter().take(LISTED_MAX).map(|name| quoted(name)).collect();
    let more = if names.len() > LISTED_MAX { ", ..." } else { "" };
    Some(format!("the columns are {}{more}", listed.join(", ")))
}

/// A name as it must be written: quoted when unquoted text would be folded to another name.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        return name.to_string();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}
