//! Long results through the user's pager: what does not fit the terminal is shown page by page.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// What a shell says of a command that it does not find.
const NOT_FOUND: i32 = 127;

/// Writes `text` to the terminal, through `PAGER` (or `less`) where it has more lines than the terminal. Whether
/// there was a pager.
pub(crate) fn show(text: &[u8]) -> io::Result<bool> {
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    let fits = crate::terminal::height().is_none_or(|height| lines < height);
    match command().filter(|_| !fits) {
        Some(pager) if paged(&pager, text)? => Ok(true),
        _ => io::stdout().lock().write_all(text).map(|()| false),
    }
}

/// The pager; `None` where the user wants none.
fn command() -> Option<String> {
    let command = std::env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
    Some(command.trim().to_owned()).filter(|command| !command.is_empty())
}

/// Runs the pager on `text`. Whether there is such a program.
fn paged(pager: &str, text: &[u8]) -> io::Result<bool> {
    let mut command = Command::new("sh");
    command.args(["-c", pager]).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        // Lines are cut and not wrapped, colours are drawn, and the screen stays when it is left.
        command.env("LESS", "FRSX");
    }
    let mut child = command.spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A pager that is left early reads no more.
        match input.write_all(text) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    Ok(child.wait()?.code() != Some(NOT_FOUND))
}
