//! Meta commands that reach out of SQL: values for placeholders, and the system's own shell.

use std::io::IsTerminal;
use std::process::Command;

use super::settings::say;
use crate::error::Failure;
use crate::interpreter::Interpreter;

/// `\set [NAME [VALUE]]`: a value for `$NAME` in the statements that follow; without a name, a list of those there are.
pub(super) fn set(interpreter: &mut Interpreter, argument: &str) -> Result<(), Failure> {
    if argument.is_empty() {
        let values = interpreter.params.to_string();
        return interpreter.write(|out| out.write_all(values.as_bytes()));
    }
    let (name, value) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
    interpreter.set_param(name, value.trim())?;
    say(interpreter, &format!("${} is set.", name.trim_start_matches('$')));
    Ok(())
}

/// `\unset NAME`: `$NAME` has no value any more.
pub(super) fn unset(interpreter: &mut Interpreter, argument: &str) -> Result<(), Failure> {
    match interpreter.unset_param(argument) {
        true => Ok(()),
        false => Err(Failure::other(format!("'{argument}' has no value\nHint: \\set lists those that have one"))),
    }
}

/// `\! [COMMAND]`: runs a command of the system's shell on this machine, or opens that shell.
pub(super) fn run(interpreter: &mut Interpreter, argument: &str) -> Result<(), Failure> {
    interpreter.write(|out| out.flush())?;
    let mut command = match argument {
        "" if !std::io::stdin().is_terminal() => return Err(Failure::other("\\! needs a command, or a terminal")),
        "" => Command::new(std::env::var_os("SHELL").unwrap_or_else(|| "sh".into())),
        _ => Command::new("sh"),
    };
    if !argument.is_empty() {
        command.args(["-c", argument]);
    }
    let status = command.status();
    // Ctrl-C was the command's.
    interpreter.forget_interrupts();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::other(format!("the command `{argument}` failed: {status}"))),
        Err(error) => Err(Failure::other(format!("the command `{argument}` cannot run: {error}"))),
    }
}
