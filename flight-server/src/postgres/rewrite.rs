//! Queries that tools ask of PostgreSQL's own tables, in words that the engine knows: `datafusion-pg-catalog` has the rules. All other
//! statements stay as they are, places in them and the engine's own words too.

use std::sync::LazyLock;

use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use regex::Regex;

use super::command::without_comments;

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
    let verb = without_comments(sql).get(..6)?;
    if !["SELECT", "WITH "].iter().any(|start| verb.to_ascii_uppercase().starts_with(start)) {
        return None;
    }
    let Patterns { quoted: Some(quoted), names: Some(names) } = &*PATTERNS else { return None };
    if !names.is_match(&quoted.replace_all(sql, "''")) {
        return None;
    }
    // What the rules cannot read the engine may.
    let mut statements = RULES.parse(sql).ok()?.into_iter();
    match (statements.next(), statements.next()) {
        (Some(statement), None) => Some(statement.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
