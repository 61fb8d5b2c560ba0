//! `maar user`: the line of a user for `maar serve --users`. The password comes from stdin, never from the command line, which
//! every user of the machine can read.

use std::io::{BufRead, Write};

use maar_flight_server::{Role, Users};

use crate::error::Failure;

/// Reads a line from `input` and writes the user's to `output`.
///
/// # Errors
/// For a name or a password that cannot be one.
pub(crate) fn run(name: &str, role: Role, mut input: impl BufRead, mut output: impl Write) -> Result<(), Failure> {
    let mut password = String::new();
    input.read_line(&mut password).map_err(|e| Failure::other(format!("cannot read the password: {e}")))?;
    let line = Users::line(name, password.trim_end_matches(['\r', '\n']), role).map_err(Failure::other)?;
    Ok(writeln!(output, "{line}")?)
}
