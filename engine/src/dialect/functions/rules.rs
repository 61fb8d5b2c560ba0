//! The rules of the tables, by the names of the functions.

use std::collections::HashMap;
use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::Expr;

use super::aliases::ALIASES;
use super::{aggregates, calendar, dates, scalars};
use crate::dialect::grammar::expression;

/// Names, number of arguments, and what the call means: `$1` is its first argument.
pub(super) type Template = (&'static str, usize, &'static str);

const TABLES: [&[Template]; 3] = [calendar::TEMPLATES, scalars::TEMPLATES, aggregates::TEMPLATES];

/// What becomes of a call.
#[derive(Default)]
pub(super) struct Rule {
    /// It is this function, with the same arguments.
    pub(super) alias: Option<&'static str>,
    /// It is an expression, by the number of arguments.
    pub(super) templates: Vec<(usize, Expr)>,
}

pub(super) static RULES: LazyLock<HashMap<&'static str, Rule>> = LazyLock::new(|| {
    let mut rules: HashMap<&'static str, Rule> = HashMap::new();
    for (names, arguments, template) in TABLES.into_iter().flatten() {
        let Some(template) = expression(template) else { continue };
        for name in names.split(' ') {
            rules.entry(name).or_default().templates.push((*arguments, template.clone()));
        }
    }
    for (names, host) in ALIASES {
        for name in names.split(' ') {
            rules.entry(name).or_default().alias = Some(*host);
        }
    }
    rules
});

/// The names of the functions that are written out.
pub(crate) fn written_names() -> impl Iterator<Item = &'static str> {
    let templates = TABLES.into_iter().flatten().map(|(names, ..)| *names);
    let names = templates.chain(ALIASES.iter().map(|(names, _)| *names));
    names.flat_map(|names| names.split(' ')).chain(dates::NAMES).chain(super::lists::NAMES).chain(super::special::NAMES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::functions::instead::instead_names;

    const PAGE: &str = include_str!("../../../../docs/functions.md");

    #[test]
    fn the_page_names_every_function_of_the_tables() {
        let words: std::collections::HashSet<&str> =
            PAGE.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
        let missing: Vec<&str> = written_names().chain(instead_names()).filter(|name| !words.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_template_is_an_expression() {
        for (names, _, template) in TABLES.into_iter().flatten() {
            assert!(expression(template).is_some(), "{names}: {template}");
        }
    }

    #[test]
    fn what_is_there_is_not_said_to_be_missing() {
        let both: Vec<&str> = instead_names().filter(|name| written_names().any(|written| written == *name)).collect();
        assert!(both.is_empty(), "{both:?}");
    }
}
