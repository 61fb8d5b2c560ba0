//! Meta commands: the shell's own, after the habits of psql (`\d`) and DuckDB (`.tables`). They also work in scripts.
//! Here: the table of them, and which line or tail of a statement is one. What they do is in `run` and beside it.

mod again;
mod catalog;
mod copy;
mod host;
mod run;
mod settings;

use crate::lex::{self, Kind};

pub(crate) use run::run;

/// What a meta command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Quit,
    Help,
    Relations,
    Tables,
    Views,
    Describe,
    Functions,
    Schemas,
    Catalogs,
    Connection,
    Timing,
    Expanded,
    Pager,
    Mode,
    MaxRows,
    Include,
    Output,
    Again,
    AgainExpanded,
    Watch,
    Edit,
    Echo,
    Copy,
    Set,
    Unset,
    Host,
}

/// One command: its spellings, its argument, what it does.
struct Meta {
    names: &'static [&'static str],
    argument: &'static str,
    action: Action,
    help: &'static str,
}

const fn meta(names: &'static [&'static str], argument: &'static str, action: Action, help: &'static str) -> Meta {
    Meta { names, argument, action, help }
}

const COMMANDS: &[Meta] = &[
    meta(&["\\q", ".quit", ".exit", "\\quit"], "", Action::Quit, "leave"),
    meta(&["\\?", ".help", "\\h", "\\help"], "", Action::Help, "this list"),
    meta(&["\\d", ".schema"], "[NAME]", Action::Describe, "list tables and views, or the columns of one or of a file"),
    meta(&[".tables"], "[PATTERN]", Action::Relations, "list tables and views"),
    meta(&["\\dt"], "[PATTERN]", Action::Tables, "list tables"),
    meta(&["\\dv"], "[PATTERN]", Action::Views, "list views"),
    meta(&["\\df"], "[PATTERN]", Action::Functions, "list functions"),
    meta(&["\\dn"], "", Action::Schemas, "list schemas"),
    meta(&["\\l", ".databases"], "", Action::Catalogs, "list catalogs"),
    meta(&["\\conninfo"], "", Action::Connection, "say where statements run"),
    meta(&["\\g"], "[FILE]", Action::Again, "run the last statement again, or end one; results to FILE"),
    meta(&["\\gx"], "[FILE]", Action::AgainExpanded, "as \\g, one line a column"),
    meta(&["\\watch"], "[SECONDS] [c=TIMES]", Action::Watch, "run the last statement every 2 seconds, until Ctrl-C"),
    meta(&["\\e", ".edit"], "[FILE]", Action::Edit, "edit the last statement, or a file, and run it"),
    meta(&["\\timing", ".timer"], "[on|off]", Action::Timing, "show the time of statements"),
    meta(&["\\x"], "[on|off]", Action::Expanded, "one line a column instead of one a row"),
    meta(
        &["\\format", ".mode"],
        "[FORMAT]",
        Action::Mode,
        "box, csv, tsv, json, jsonl, markdown, line or insert [TABLE]",
    ),
    meta(&["\\maxrows", ".maxrows"], "[N]", Action::MaxRows, "rows of a box, 0 for all"),
    meta(&["\\pager", ".pager"], "[on|off]", Action::Pager, "long results page by page"),
    meta(&["\\i", ".read"], "FILE", Action::Include, "run the statements of a file"),
    meta(&["\\o", ".output"], "[FILE]", Action::Output, "write results to a file; without one, here again"),
    meta(&["\\echo", ".print"], "STRING", Action::Echo, "write a string"),
    meta(&["\\copy"], "TABLE FROM 'FILE'", Action::Copy, "COPY with a file of this machine; also TABLE or (QUERY) TO"),
    meta(&["\\set"], "[NAME VALUE]", Action::Set, "a value for $NAME in statements; without a name, list them"),
    meta(&["\\unset"], "NAME", Action::Unset, "take a value away again"),
    meta(&["\\!", ".shell"], "[COMMAND]", Action::Host, "run a command of this machine"),
];

/// Commands that may end a statement in the place of its semicolon.
const ENDINGS: &[&str] = &["g", "gx", "watch"];

/// All spellings, for completion.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().flat_map(|command| command.names.iter().copied())
}

/// The meta command line at byte `at` of `text`, if a statement cannot begin so, and where the next line starts.
pub(crate) fn line(text: &str, at: usize) -> Option<(&str, usize)> {
    let rest = &text[at..];
    let mut characters = rest.chars();
    let starts = match characters.next() {
        Some('\\') => true,
        Some('.') => characters.next().is_some_and(char::is_alphabetic),
        _ => false,
    };
    if !starts {
        return None;
    }
    let end = rest.find('\n').unwrap_or(rest.len());
    Some((&rest[..end], (at + end + 1).min(text.len())))
}

/// Where the command stands that ends the statement at byte `start` of `text` instead of a semicolon: `SELECT 1 \g`.
pub(crate) fn ending(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    for token in lex::tokens(rest) {
        match token.kind {
            Kind::Semicolon => return None,
            Kind::Symbol if &rest[token.range.clone()] == "\\" => {
                let word = rest[token.range.end..].split(|c| !lex::is_word(c)).next().unwrap_or_default();
                return ENDINGS.contains(&word).then_some(start + token.range.start);
            }
            _ => {}
        }
    }
    None
}

/// Whether the last statement of what is typed is ended by a command.
pub(crate) fn is_ended(text: &str) -> bool {
    let last = lex::tokens(text).filter(|token| token.kind == Kind::Semicolon).last();
    ending(text, last.map_or(0, |semicolon| semicolon.range.end)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_no_statement_begins_with_are_commands() {
        assert_eq!(line("\\d t\nselect 1", 0), Some(("\\d t", 5)));
        assert_eq!(line(".tables", 0), Some((".tables", 7)));
        assert_eq!(line(".5 + 1", 0), None);
        assert_eq!(line("select", 0), None);
    }

    #[test]
    fn a_command_may_end_a_statement() {
        assert_eq!(ending("select 1 \\g", 0), Some(9));
        assert_eq!(ending("select 1; select 2\n\\watch 3", 9), Some(19));
        for none in ["select 1; select 2 \\g", "select '\\g'", "select 1 -- \\g", "select 1 \\goo", "select $$ \\g $$"]
        {
            assert_eq!(ending(none, 0), None, "{none}");
        }
        assert!(is_ended("select 1; select 2 \\gx") && !is_ended("select 1 \\g; select 2"));
    }

    #[test]
    fn every_spelling_means_one_command() {
        let mut seen = std::collections::HashSet::new();
        assert!(names().all(|name| seen.insert(name)));
    }
}
