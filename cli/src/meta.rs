//! Meta commands: the shell's own, after the habits of psql (`\d`) and DuckDB (`.tables`). They also work in scripts.

use std::path::Path;

use clap::ValueEnum;

use crate::error::Failure;
use crate::interpreter::{Flow, Interpreter};
use crate::output::Format;
use crate::source::Source;

/// Scripts that include each other end here.
const DEEPEST_INCLUDE: usize = 16;

/// What a meta command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Quit,
    Help,
    Tables,
    Describe,
    Functions,
    Schemas,
    Timing,
    Expanded,
    Mode,
    MaxRows,
    Include,
    Output,
    Echo,
}

/// One command: its spellings, its argument, what it does.
struct Meta {
    names: &'static [&'static str],
    argument: &'static str,
    action: Action,
    help: &'static str,
}

const COMMANDS: &[Meta] = &[
    Meta { names: &["\\q", ".quit", ".exit", "\\quit"], argument: "", action: Action::Quit, help: "leave" },
    Meta { names: &["\\?", ".help", "\\h", "\\help"], argument: "", action: Action::Help, help: "this list" },
    Meta { names: &["\\dt", ".tables"], argument: "", action: Action::Tables, help: "list tables and views" },
    Meta {
        names: &["\\d", ".schema"],
        argument: "[TABLE]",
        action: Action::Describe,
        help: "list tables, or a table's columns",
    },
    Meta {
        names: &["\\df"],
        argument: "[TEXT]",
        action: Action::Functions,
        help: "list functions whose name contains TEXT",
    },
    Meta { names: &["\\dn", ".databases"], argument: "", action: Action::Schemas, help: "list catalogs and schemas" },
    Meta {
        names: &["\\timing", ".timer"],
        argument: "[on|off]",
        action: Action::Timing,
        help: "show the time of statements",
    },
    Meta {
        names: &["\\x"],
        argument: "[on|off]",
        action: Action::Expanded,
        help: "one line a column instead of one a row",
    },
    Meta {
        names: &["\\format", ".mode"],
        argument: "[FORMAT]",
        action: Action::Mode,
        help: "box, csv, tsv, json, jsonl or markdown",
    },
    Meta {
        names: &["\\maxrows", ".maxrows"],
        argument: "[N]",
        action: Action::MaxRows,
        help: "rows of a box, 0 for all",
    },
    Meta { names: &["\\i", ".read"], argument: "FILE", action: Action::Include, help: "run the statements of a file" },
    Meta {
        names: &["\\o", ".output"],
        argument: "[FILE]",
        action: Action::Output,
        help: "write results to a file; without one, here again",
    },
    Meta { names: &["\\echo", ".print"], argument: "STRING", action: Action::Echo, help: "write a string" },
];

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

/// Runs one meta command line.
pub(crate) async fn run(interpreter: &mut Interpreter, line: &str) -> Result<Flow, Failure> {
    let line = line.trim().trim_end_matches(';').trim_end();
    let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let argument = unquoted(argument.trim());
    let Some(command) = COMMANDS.iter().find(|command| command.names.contains(&name)) else {
        return Err(Failure::other(format!("unknown command '{name}'\nHint: \\? lists the commands")));
    };
    match command.action {
        Action::Quit => return Ok(Flow::Break(())),
        Action::Help => interpreter.write(|out| out.write_all(help().as_bytes()))?,
        Action::Tables => interpreter.run_sql(TABLES).await?,
        Action::Describe if argument.is_empty() => interpreter.run_sql(TABLES).await?,
        Action::Describe => interpreter.run_sql(&format!("DESCRIBE {}", table_name(argument))).await?,
        Action::Functions => interpreter.run_sql(&functions(argument)).await?,
        Action::Schemas => interpreter.run_sql(SCHEMAS).await?,
        Action::Timing => {
            interpreter.settings.timer = switched(interpreter.settings.timer, argument)?;
            say_switch(interpreter, "Timing", interpreter.settings.timer)?;
        }
        Action::Expanded => {
            interpreter.settings.expanded = switched(interpreter.settings.expanded, argument)?;
            say_switch(interpreter, "Expanded display", interpreter.settings.expanded)?;
        }
        Action::Mode => mode(interpreter, argument)?,
        Action::MaxRows => max_rows(interpreter, argument)?,
        Action::Include => return include(interpreter, argument).await,
        Action::Output => interpreter.redirect((!argument.is_empty()).then(|| Path::new(argument)))?,
        Action::Echo => interpreter.write(|out| writeln!(out, "{argument}"))?,
    }
    Ok(Flow::Continue(()))
}

const TABLES: &str = "SELECT table_catalog AS catalog, table_schema AS schema, table_name AS name, table_type AS type \
    FROM information_schema.tables WHERE table_schema <> 'information_schema' ORDER BY 1, 2, 3";

const SCHEMAS: &str =
    "SELECT catalog_name AS catalog, schema_name AS schema FROM information_schema.schemata ORDER BY 1, 2";

fn functions(part: &str) -> String {
    format!(
        "SELECT DISTINCT routine_name AS name, function_type AS kind, description FROM information_schema.routines \
         WHERE routine_name LIKE '%{}%' ORDER BY 1",
        part.to_lowercase().replace('\'', "''")
    )
}

/// A table's name as SQL takes it: a path is quoted as a string would be in FROM, a name stays as typed.
fn table_name(argument: &str) -> String {
    let plain = argument.chars().all(|c| crate::lex::is_word(c) || matches!(c, '.' | '"'));
    let path = std::path::Path::new(argument).extension().is_some() && std::path::Path::new(argument).exists();
    if plain && !path { argument.to_owned() } else { format!("'{}'", argument.replace('\'', "''")) }
}

fn unquoted(argument: &str) -> &str {
    argument.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(argument)
}

/// The new state of a switch: as told, or turned over where nothing is told.
fn switched(now: bool, argument: &str) -> Result<bool, Failure> {
    match argument.to_ascii_lowercase().as_str() {
        "" => Ok(!now),
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        other => Err(Failure::other(format!("'{other}' is neither on nor off"))),
    }
}

fn say_switch(interpreter: &mut Interpreter, what: &str, on: bool) -> Result<(), Failure> {
    say(interpreter, &format!("{what} is {}.", if on { "on" } else { "off" }))
}

/// Answers of meta commands are for people: in the shell they are shown, in a script they would spoil the data.
#[expect(clippy::print_stderr, reason = "answers to people go beside the results")]
fn say(interpreter: &Interpreter, text: &str) -> Result<(), Failure> {
    if interpreter.interactive {
        eprintln!("{text}");
    }
    Ok(())
}

fn mode(interpreter: &mut Interpreter, argument: &str) -> Result<(), Failure> {
    if !argument.is_empty() {
        interpreter.settings.format = Format::from_str(argument, true).map_err(|_| {
            Failure::other(format!("unknown format '{argument}'\nHint: box, csv, tsv, json, jsonl or markdown"))
        })?;
    }
    let name =
        interpreter.settings.format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    say(interpreter, &format!("Format is {name}."))
}

fn max_rows(interpreter: &mut Interpreter, argument: &str) -> Result<(), Failure> {
    if !argument.is_empty() {
        let rows: usize = argument.parse().map_err(|_| Failure::other(format!("'{argument}' is no number of rows")))?;
        interpreter.settings.max_rows = (rows > 0).then_some(rows);
    }
    let text = match interpreter.settings.max_rows {
        Some(rows) => format!("A box shows at most {rows} rows."),
        None => "A box shows all rows.".to_owned(),
    };
    say(interpreter, &text)
}

async fn include(interpreter: &mut Interpreter, argument: &str) -> Result<Flow, Failure> {
    if argument.is_empty() {
        return Err(Failure::other("\\i needs a file's name"));
    }
    if interpreter.depth >= DEEPEST_INCLUDE {
        return Err(Failure::other(format!(
            "'{argument}': scripts include each other more than {DEEPEST_INCLUDE} deep"
        )));
    }
    let source = Source::read(Path::new(argument))?;
    interpreter.depth += 1;
    let result = Box::pin(interpreter.run(&source)).await;
    interpreter.depth -= 1;
    result
}

fn help() -> String {
    let left = |command: &Meta| format!("{} {}", command.names.join(" "), command.argument).trim_end().to_owned();
    let width = COMMANDS.iter().map(|command| left(command).len()).max().unwrap_or(0);
    let mut text =
        String::from("Statements end with ; and may take several lines. Ctrl-C cancels a query, Ctrl-D leaves.\n\n");
    for command in COMMANDS {
        text.push_str(&format!("  {:width$}  {}\n", left(command), command.help));
    }
    text.push_str("\nSELECT * FROM 'path/*.parquet' reads files; EXPLAIN shows where each part of a query runs.\n");
    text
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
    fn every_spelling_means_one_command() {
        let mut seen = std::collections::HashSet::new();
        assert!(names().all(|name| seen.insert(name)));
    }
}
