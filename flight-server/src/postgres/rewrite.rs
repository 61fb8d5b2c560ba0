//! Queries that tools ask of PostgreSQL's own tables, in words that the engine knows: `datafusion-pg-catalog` has the rules. All other
//! statements stay as they are, places in them and the engine's own words too.

use std::sync::LazyLock;

use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use maar_engine::split;
use regex::Regex;

use super::command::without_comments;
use super::reflection;
use crate::statements::SQL_BYTES_MAX;

static RULES: LazyLock<PostgresCompatibilityParser> = LazyLock::new(PostgresCompatibilityParser::new);

struct Patterns {
    /// What is no code: strings and comments.
    quoted: Option<Regex>,
    /// Names that only PostgreSQL has.
    names: Option<Regex>,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    Patterns {
    quoted: Regex::new(r"(?s)'(?:[^']|'')*'|\$\$.*?\$\$|--[^\n]*|/\*.*?\*/").ok(),
    names: Regex::new(
        r"(?i)\bpg_[a-z]|::\s*(?:pg_catalog\s*\.\s*)?reg[a-z]+|\b(?:current_user|session_user|current_role|current_schemas|current_catalog)\b",
    )
    .ok(),
}
});

/// `sql` in other words, if it is such a query.
pub(super) fn rewritten(sql: &str) -> Option<String> {
    if sql.len() > SQL_BYTES_MAX as usize {
        return None;
    }
    let verb = without_comments(sql).get(..6)?;
    if !["SELECT", "WITH "].iter().any(|start| verb.to_ascii_uppercase().starts_with(start)) {
        return None;
    }
    let Patterns { quoted: Some(quoted), names: Some(names) } = &*PATTERNS else { return None };
    if !names.is_match(&quoted.replace_all(sql, "''")) {
        return None;
    }
    // The rules read recursively: what is too deep for the engine, which says so, never gets to them.
    split(sql).ok()?.iter().try_for_each(|statement| statement.check_depth()).ok()?;
    let reflected = reflection::in_other_words(sql);
    // What the rules cannot read the engine may.
    let mut statements = RULES.parse(reflected.as_deref().unwrap_or(sql)).ok()?.into_iter();
    match (statements.next(), statements.next()) {
        (Some(statement), None) => Some(statement.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_deep_or_too_long_is_left_to_the_engine() {
        for sql in [
            format!("select 1{} from pg_class", "+1".repeat(400_000)),
            format!("select 1 from pg_class where true{}", " or true".repeat(100_000)),
            format!("select 1 from pg_class{}", " union select 1".repeat(60_000)),
            format!("select {} from pg_class", "x".repeat(2 << 20)),
        ] {
            assert_eq!(rewritten(&sql), None, "{}", &sql[..40]);
        }
    }

    #[test]
    fn only_what_asks_for_postgresqls_own_is_put_into_other_words() {
        for sql in [
            "select 1",
            "select 'pg_class' from t",
            "select 1 -- pg_class",
            "insert into t select relname from pg_class",
            "select x from t qualify row_number() over () = 1",
        ] {
            assert_eq!(rewritten(sql), None, "{sql}");
        }
        for sql in [
            "select * from pg_class",
            "SELECT 't'::regclass",
            "/* a */ select current_user",
            "with a as (select 1) select pg_catalog.version()",
        ] {
            assert!(rewritten(sql).is_some(), "{sql}");
        }
    }
}
