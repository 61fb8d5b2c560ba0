//! Completion: keywords, tables, columns, functions, file paths inside quotes, meta commands.

use std::path::Path;
use std::sync::{Arc, LazyLock, RwLock};

use datafusion::sql::sqlparser::keywords::ALL_KEYWORDS;
use reedline::{Completer, CompletionResult, Span, Suggestion};

use super::names::Names;
use crate::lex::{self, Kind};
use crate::meta;

/// Keywords offered. The parser knows many more words than anyone types here.
const KEYWORDS: &[&str] = &[
    "ALL",
    "ALTER",
    "ANALYZE",
    "AND",
    "ANTI",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COPY",
    "CREATE",
    "CROSS",
    "CURRENT_DATE",
    "CURRENT_TIMESTAMP",
    "DATE",
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "EXTERNAL",
    "EXTRACT",
    "FALSE",
    "FILTER",
    "FIRST",
    "FOLLOWING",
    "FROM",
    "FULL",
    "GROUP",
    "GROUPING",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INSERT",
    "INTERSECT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "LAST",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LOCATION",
    "NATURAL",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OPTIONS",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PARTITIONED",
    "PRECEDING",
    "QUALIFY",
    "RECURSIVE",
    "REPLACE",
    "RESET",
    "RIGHT",
    "ROLLUP",
    "ROWS",
    "SCHEMA",
    "SELECT",
    "SEMI",
    "SET",
    "SHOW",
    "STORED",
    "TABLE",
    "TABLES",
    "THEN",
    "TIMESTAMP",
    "TO",
    "TRUE",
    "UNBOUNDED",
    "UNION",
    "UNNEST",
    "USING",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHIN",
];

static KNOWN: LazyLock<std::collections::HashSet<&'static str>> = LazyLock::new(|| KEYWORDS.iter().copied().collect());

/// Whether a word is coloured as a keyword.
pub(super) fn is_keyword(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    KNOWN.contains(upper.as_str()) && ALL_KEYWORDS.binary_search(&upper.as_str()).is_ok()
}

pub(super) struct SqlCompleter {
    names: Arc<RwLock<Names>>,
}

impl SqlCompleter {
    pub(super) fn new(names: Arc<RwLock<Names>>) -> Self {
        Self { names }
    }

    /// What `word`, which follows `before` in `text`, may become; and whether a space goes after it.
    fn words(&self, word: &str, before: Option<&str>, text: &str) -> Vec<(String, bool)> {
        let Ok(names) = self.names.read() else { return Vec::new() };
        let lower = word.to_lowercase();
        let starts = |name: &&String| name.trim_start_matches('"').to_lowercase().starts_with(&lower);
        let unspaced = |name: &String| (name.clone(), false);
        let tables: Vec<_> = names.tables.keys().filter(starts).map(unspaced).collect();
        if before.is_some_and(takes_table) {
            return tables;
        }
        let mut found: Vec<_> = names.columns_in(text).filter(starts).map(unspaced).collect();
        found.sort();
        found.dedup();
        if word.is_empty() {
            return found;
        }
        found.extend(tables);
        // In the case that the user types: `sel` gives `select`.
        let upper = word.chars().any(char::is_uppercase);
        let keywords = KEYWORDS.iter().filter(|keyword| keyword.to_lowercase().starts_with(&lower));
        found
            .extend(keywords.map(|keyword| (if upper { (*keyword).to_owned() } else { keyword.to_lowercase() }, true)));
        found.extend(names.functions.iter().filter(starts).map(|name| (format!("{name}("), false)));
        found
    }
}

/// Whether a table's name comes after this word.
fn takes_table(word: &str) -> bool {
    matches!(word.to_ascii_uppercase().as_str(), "FROM" | "JOIN" | "INTO" | "TABLE" | "DESCRIBE")
}

impl Completer for SqlCompleter {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let text = &line[..position];
        let start = text.len() - text.trim_start().len();
        if let Some((command, _)) = meta::line(text, start).filter(|_| !text.contains('\n')) {
            return CompletionResult::fresh(self.meta_suggestions(text, start, command));
        }
        let last = lex::tokens(text).last();
        let suggestions = match last {
            Some(token) if token.kind == Kind::String && !token.closed => {
                paths(&text[token.range.start + 1..], token.range.start + 1, position)
            }
            Some(token) if token.kind == Kind::Word => self.word_suggestions(text, token.range.start, position),
            _ => self.word_suggestions(text, position, position),
        };
        CompletionResult::fresh(suggestions)
    }
}

impl SqlCompleter {
    fn word_suggestions(&self, text: &str, start: usize, end: usize) -> Vec<Suggestion> {
        let before =
            lex::tokens(&text[..start]).filter(|token| !matches!(token.kind, Kind::Space | Kind::Comment)).last();
        let before = before.map(|token| &text[token.range]);
        let found = self.words(&text[start..end], before, text);
        found.into_iter().map(|(value, space)| suggestion(value, start, end, space)).collect()
    }

    fn meta_suggestions(&self, text: &str, start: usize, command: &str) -> Vec<Suggestion> {
        let end = text.len();
        let Some(blank) = command.find(char::is_whitespace) else {
            return meta::names()
                .filter(|name| name.starts_with(command))
                .map(|name| suggestion(name.to_owned(), start, end, true))
                .collect();
        };
        let from = text.rfind(char::is_whitespace).map_or(end, |at| at + 1);
        match &command[..blank] {
            "\\i" | ".read" | "\\o" | ".output" | "\\e" | ".edit" | "\\g" | "\\gx" => paths(&text[from..], from, end),
            "\\d" | "\\dt" | "\\dv" | ".tables" | ".schema" => self
                .words(&text[from..], Some("TABLE"), "")
                .into_iter()
                .map(|(name, _)| suggestion(name, from, end, false))
                .collect(),
            _ => Vec::new(),
        }
    }
}

fn suggestion(value: String, start: usize, end: usize, append_whitespace: bool) -> Suggestion {
    Suggestion { value, span: Span::new(start, end), append_whitespace, ..Suggestion::default() }
}

/// Entries of the folder that `typed` points into. Folders end in `/` so that completion can go on.
fn paths(typed: &str, start: usize, end: usize) -> Vec<Suggestion> {
    let cut = typed.rfind('/').map_or(0, |slash| slash + 1);
    let (folder, prefix) = typed.split_at(cut);
    let home =
        folder.strip_prefix("~/").and_then(|rest| std::env::var("HOME").ok().map(|home| format!("{home}/{rest}")));
    let real = home.unwrap_or_else(|| if folder.is_empty() { "./".to_owned() } else { folder.to_owned() });
    let Ok(entries) = std::fs::read_dir(Path::new(&real)) else { return Vec::new() };
    let mut found: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !prefix.starts_with('.');
            let slash = if entry.path().is_dir() { "/" } else { "" };
            (name.starts_with(prefix) && !hidden).then(|| format!("{folder}{name}{slash}"))
        })
        .collect();
    found.sort();
    found.into_iter().map(|value| suggestion(value, start, end, false)).collect()
}
