//! The words of a fragment: names that cannot end a comment, marks for what is not known yet, lengths.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column, Literal, UnKnownColumn};
use datafusion::physical_expr_common::physical_expr::fmt_sql;

use crate::ir::{HostFunction, Type};

/// Stands for a literal: numbered once the line is whole.
pub(super) const LITERAL: &str = "\u{1}";
/// Stands for the text that a host function is of.
pub(super) const COLUMN: &str = "\u{2}";
/// Longest fragment, in characters.
const CHARS_MAX: usize = 160;
/// Words that look like names and are values.
const VALUES: &[&str] = &["true", "false", "null", "nan", "infinity", "inf"];

/// A column's name, quoted where it is no plain word.
pub(super) fn name(name: &str) -> String {
    plain_name(name).unwrap_or_else(|| {
        let safe = |c: char| if c.is_alphanumeric() || (c.is_ascii_graphic() && c != '\\') { c } else { ' ' };
        format!("\"{}\"", name.chars().map(safe).collect::<String>())
    })
}

/// A name that is certainly none of the names that a host makes of an expression with its literals.
pub(super) fn plain_name(name: &str) -> Option<String> {
    let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (begins && is_plain && !VALUES.contains(&name.to_lowercase().as_str())).then(|| name.to_owned())
}

/// A host function of one text, with marks for the text and for each literal.
pub(in crate::strategy) fn of_function(function: &HostFunction) -> String {
    let marked = Arc::clone(&function.expr).transform(|expr: Arc<dyn PhysicalExpr>| {
        let mark = match () {
            () if expr.is::<Literal>() => LITERAL,
            () if expr.is::<Column>() || is_other_text(&expr) => COLUMN,
            () => return Ok(Transformed::no(expr)),
        };
        Ok(Transformed::yes(Arc::new(UnKnownColumn::new(mark)) as Arc<dyn PhysicalExpr>))
    });
    marked.map_or_else(|_| format!("..({COLUMN})"), |marked| fmt_sql(marked.data.as_ref()).to_string())
}

/// The marked column in another of the host's types of text: they are one to SQL.
fn is_other_text(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let Some(cast) = expr.downcast_ref::<CastExpr>() else { return false };
    let is_marked = cast.expr().downcast_ref::<UnKnownColumn>().is_some_and(|column| column.name() == COLUMN);
    is_marked && Type::from_arrow(cast.cast_type()) == Some(Type::Text)
}

/// Without the brackets around all of it.
pub(super) fn bare(sql: &str) -> &str {
    let Some(inner) = sql.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else { return sql };
    let mut depth = 0_i32;
    let closes_early = inner.chars().any(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth < 0
    });
    if closes_early { sql } else { inner }
}

/// Some of them, one after another.
pub(super) fn list(sqls: &[String]) -> String {
    sqls.iter().map(|sql| bare(sql)).collect::<Vec<_>>().join(", ")
}

/// At most so much as fits a line, without an end that was cut off.
pub(super) fn shortened(sql: &str) -> String {
    match sql.char_indices().nth(CHARS_MAX) {
        None => sql.to_owned(),
        Some((end, _)) => format!("{} ..", &sql[..end]),
    }
}

/// A line of a comment: literals are numbered in the order in which they stand.
pub(super) fn finished(sql: &str) -> String {
    let mut parts = sql.split(LITERAL);
    let first = parts.next().unwrap_or_default().to_owned();
    let numbered = parts.enumerate().fold(first, |line, (number, part)| format!("{line}${}{part}", number + 1));
    let safe = |c: char| if c.is_control() || c == '\\' { ' ' } else { c };
    shortened(&numbered.chars().map(safe).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_numbered_and_nothing_ends_a_comment() {
        assert_eq!(finished("a = \u{1} OR b = \u{1}"), "a = $1 OR b = $2");
        assert_eq!(finished("a\n\\"), "a  ");
        assert_eq!(finished(&"x".repeat(1000)).len(), CHARS_MAX + 3);
    }

    #[test]
    fn names_that_hold_values_are_known() {
        assert_eq!(plain_name("l_tax").as_deref(), Some("l_tax"));
        for of_a_host in ["5", "sum(a + Int64(5))", "Utf8(\"x\")", "true", "", "a + 1"] {
            assert_eq!(plain_name(of_a_host), None, "{of_a_host}");
        }
        assert_eq!(name("net sum\n"), "\"net sum \"");
    }

    #[test]
    fn only_brackets_around_all_are_taken_off() {
        assert_eq!((bare("(a + b)"), bare("(a) + (b)"), bare("((a) + (b))")), ("a + b", "(a) + (b)", "(a) + (b)"));
    }
}
