//! Meta commands that change how results are shown.

use clap::ValueEnum;

use crate::error::Failure;
use crate::interpreter::Interpreter;
use crate::output::{Format, INSERT_INTO};

pub(super) fn timing(interpreter: &mut Interpreter, argument: &str) -> Result<(), Failure> {
    interpreter.settings.timer = switched(interpreter.settings.timer, argument)?;
    say_switch(interpreter, "Timing", interpreter.settings.timer);
    Ok(())
}

pub(super) fn expanded(interpreter: &mut Interpreter, argument: &str) -> Result<(), Failure> {
    interpreter.settings.expanded = switched(interpreter.settings.expanded, argument)?;
    say_switch(interpreter, "Expanded display", interpreter.settings.expanded);
    Ok(())
}

pub(super) fn pager(interpreter: &mut Interpreter, argument: &str) -> Result<(), Failure> {
    interpreter.settings.pager = switched(interpreter.settings.pager, argument)?;
    say_switch(interpreter, "The pager", interpreter.settings.pager);
    Ok(())
}

pub(super) fn mode(interpreter: &mut Interpreter, argument: &str) -> Result<(), Failure> {
    let (name, table) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
    if !name.is_empty() {
        let format = Format::from_str(name, true).map_err(|_| {
            Failure::other(format!(
                "unknown format '{name}'\nHint: box, csv, tsv, json, jsonl, markdown, line or insert [TABLE]"
            ))
        })?;
        match (format, table.trim()) {
            (Format::Insert, "") => interpreter.settings.table = INSERT_INTO.to_owned(),
            (Format::Insert, table) => interpreter.settings.table = table.to_owned(),
            (_, "") => {}
            (_, more) => return Err(Failure::other(format!("the format {name} takes no '{more}'"))),
        }
        interpreter.settings.format = format;
    }
    let name =
        interpreter.settings.format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    say(interpreter, &format!("Format is {name}."));
    Ok(())
}

pub(super) fn max_rows(interpreter: &mut Interpreter, argument: &str) -> Result<(), Failure> {
    if !argument.is_empty() {
        let rows: usize = argument.parse().map_err(|_| Failure::other(format!("'{argument}' is no number of rows")))?;
        interpreter.settings.max_rows = (rows > 0).then_some(rows);
    }
    let text = match interpreter.settings.max_rows {
        Some(rows) => format!("A box shows at most {rows} rows."),
        None => "A box shows all rows.".to_owned(),
    };
    say(interpreter, &text);
    Ok(())
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

fn say_switch(interpreter: &Interpreter, what: &str, on: bool) {
    say(interpreter, &format!("{what} is {}.", if on { "on" } else { "off" }));
}

/// Answers of meta commands are for people: in the shell they are shown, in a script they would spoil the data.
pub(super) fn say(interpreter: &Interpreter, text: &str) {
    if interpreter.interactive {
        crate::terminal::note(text);
    }
}
