//! Runs a meta command: which action belongs to a line, and those actions that take a few lines.

use std::path::Path;

use super::{Action, COMMANDS, Meta, again, catalog, copy, host, names, settings};
use crate::error::Failure;
use crate::interpreter::{Flow, Interpreter};
use crate::source::Source;

/// Scripts that include each other end here.
const DEEPEST_INCLUDE: usize = 16;

/// Runs one meta command line.
pub(crate) async fn run(interpreter: &mut Interpreter, line: &str) -> Result<Flow, Failure> {
    let line = line.trim().trim_end_matches(';').trim_end();
    // psql takes `\!ls` too.
    let (name, argument) = match line.strip_prefix("\\!") {
        Some(command) => ("\\!", command),
        None => line.split_once(char::is_whitespace).unwrap_or((line, "")),
    };
    let argument = unquoted(argument.trim());
    let command = command(name)?;
    match command.action {
        Action::Quit => return Ok(Flow::Break(())),
        Action::Include => return include(interpreter, argument).await,
        Action::Edit => return again::edit(interpreter, argument).await,
        Action::Help => interpreter.write(|out| out.write_all(help().as_bytes()))?,
        Action::Describe if argument.is_empty() => interpreter.run_sql(&catalog::relations("")).await?,
        Action::Describe => interpreter.run_sql(&catalog::describe(argument)).await?,
        Action::Relations => interpreter.run_sql(&catalog::relations(argument)).await?,
        Action::Tables => interpreter.run_sql(&catalog::tables(argument)).await?,
        Action::Views => interpreter.run_sql(&catalog::views(argument)).await?,
        Action::Functions => interpreter.run_sql(&catalog::functions(argument)).await?,
        Action::Schemas => interpreter.run_sql(catalog::SCHEMAS).await?,
        Action::Catalogs => interpreter.run_sql(catalog::CATALOGS).await?,
        Action::Connection => {
            let description = interpreter.backend.description();
            interpreter.write(|out| writeln!(out, "Statements run {description}."))?;
        }
        Action::Timing => settings::timing(interpreter, argument)?,
        Action::Expanded => settings::expanded(interpreter, argument)?,
        Action::Pager => settings::pager(interpreter, argument)?,
        Action::Mode => settings::mode(interpreter, argument)?,
        Action::MaxRows => settings::max_rows(interpreter, argument)?,
        Action::Output => interpreter.redirect((!argument.is_empty()).then(|| Path::new(argument)))?,
        Action::Again => again::again(interpreter, name, argument, false).await?,
        Action::AgainExpanded => again::again(interpreter, name, argument, true).await?,
        Action::Watch => again::watch(interpreter, argument).await?,
        Action::Echo => interpreter.write(|out| writeln!(out, "{argument}"))?,
        Action::Copy => copy::copy(interpreter, argument).await?,
        Action::Set => host::set(interpreter, argument)?,
        Action::Unset => host::unset(interpreter, argument)?,
        Action::Host => host::run(interpreter, argument)?,
    }
    Ok(Flow::Continue(()))
}

/// The command of a name; psql's `+`, which asks for more than there is to say, is passed over.
fn command(name: &str) -> Result<&'static Meta, Failure> {
    let plain = name.strip_suffix('+').unwrap_or(name);
    let found = COMMANDS.iter().find(|command| command.names.contains(&plain));
    found.ok_or_else(|| {
        let known: Vec<&str> = names().collect();
        let hint = match maar_engine::error::nearest(plain, &known) {
            Some(near) => format!("did you mean {near}? \\? lists the commands"),
            None => "\\? lists the commands".to_owned(),
        };
        Failure::other(format!("unknown command '{name}'\nHint: {hint}"))
    })
}

fn unquoted(argument: &str) -> &str {
    argument.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(argument)
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
    text.push_str("\nPATTERN is part of a name, or all of it with * and ?.\n");
    text.push_str("SELECT * FROM 'path/*.parquet' reads files; EXPLAIN shows where each part of a query runs.\n");
    text
}
