//! What `\d` and its kin ask the catalog, as SQL: the same for a session here and one on a server.

pub(super) const SCHEMAS: &str =
    "SELECT catalog_name AS catalog, schema_name AS schema FROM information_schema.schemata ORDER BY 1, 2";

pub(super) const CATALOGS: &str = "SELECT DISTINCT catalog_name AS catalog FROM information_schema.schemata ORDER BY 1";

/// Tables and views.
pub(super) fn relations(pattern: &str) -> String {
    listed("", pattern)
}

pub(super) fn tables(pattern: &str) -> String {
    listed("AND table_type <> 'VIEW' ", pattern)
}

pub(super) fn views(pattern: &str) -> String {
    listed("AND table_type = 'VIEW' ", pattern)
}

fn listed(kind: &str, pattern: &str) -> String {
    format!(
        "SELECT table_catalog AS catalog, table_schema AS schema, table_name AS name, table_type AS type \
         FROM information_schema.tables WHERE table_schema <> 'information_schema' {kind}{} ORDER BY 1, 2, 3",
        matching("table_name", pattern)
    )
}

pub(super) fn functions(pattern: &str) -> String {
    format!(
        "SELECT DISTINCT routine_name AS name, function_type AS kind, description FROM information_schema.routines \
         WHERE true {} ORDER BY 1",
        matching("routine_name", pattern)
    )
}

/// The columns of a table or a file.
pub(super) fn describe(argument: &str) -> String {
    format!("DESCRIBE {}", table_name(argument))
}

/// A condition for names: part of one, in any case, or a whole one with `*` (or `%`) for any characters and `?` for one.
fn matching(column: &str, pattern: &str) -> String {
    if pattern.is_empty() {
        return String::new();
    }
    let is_whole = pattern.contains(['*', '?', '%']);
    let mut like = String::new();
    for character in pattern.to_lowercase().chars() {
        match character {
            '*' | '%' => like.push('%'),
            '?' => like.push('_'),
            '_' | '!' => like.extend(['!', character]),
            '\'' => like.push_str("''"),
            other => like.push(other),
        }
    }
    let like = if is_whole { like } else { format!("%{like}%") };
    format!("AND lower({column}) LIKE '{like}' ESCAPE '!'")
}

/// A table's name as SQL takes it: a path is quoted as a string would be in FROM, a name stays as typed.
fn table_name(argument: &str) -> String {
    let plain = argument.chars().all(|c| crate::lex::is_word(c) || matches!(c, '.' | '"'));
    let path = std::path::Path::new(argument).extension().is_some() && std::path::Path::new(argument).exists();
    if plain && !path { argument.to_owned() } else { format!("'{}'", argument.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_parts_or_wholes() {
        assert_eq!(matching("n", ""), "");
        assert_eq!(matching("n", "Ab_c"), "AND lower(n) LIKE '%ab!_c%' ESCAPE '!'");
        assert_eq!(matching("n", "a*'?"), "AND lower(n) LIKE 'a%''_' ESCAPE '!'");
    }
}
