//! The password of who connects: from a file, the environment or the terminal, never from the command line, which every
//! user of the machine can read.

use std::io::{IsTerminal, Write};
use std::path::Path;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

use super::Address;
use crate::error::Failure;

const VARIABLE: &str = "MAAR_PASSWORD";

/// Who logs in, and with what. There is no `Debug` of it, which would end in a log.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

/// The credentials for a server, if the address names a user. Asks at the terminal where nothing else has the password.
///
/// # Errors
/// Where there is no password, or it would travel in the clear and `insecure` does not allow it.
pub(crate) fn credentials(
    address: &Address,
    file: Option<&Path>,
    insecure: bool,
) -> Result<Option<Credentials>, Failure> {
    let Some(user) = &address.user else { return Ok(None) };
    if !address.tls && !insecure && address.is_remote() {
        return Err(Failure::usage(format!(
            "the password of {user} would travel to {} unencrypted\nHint: use grpc+tls://, a tunnel (`ssh -L`) to \
             127.0.0.1, or --insecure where the network between is yours alone",
            address.host
        )));
    }
    let password = match (file, std::env::var(VARIABLE)) {
        (Some(path), _) => first_line(path)?,
        (None, Ok(password)) => password,
        (None, Err(_)) if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() => {
            asked(&format!("Password of {user}: "))?
        }
        (None, Err(_)) => {
            return Err(Failure::connection(format!(
                "{user} has no password here\nHint: set {VARIABLE}, or name a --password-file; at a terminal you are asked"
            )));
        }
    };
    Ok(Some(Credentials { user: user.clone(), password }))
}

fn first_line(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Reads a line from the terminal that shows nothing of it.
fn asked(prompt: &str) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::other(format!("cannot read the password: {error}"));
    let mut terminal = std::io::stderr();
    write!(terminal, "{prompt}").and_then(|()| terminal.flush()).map_err(failed)?;
    enable_raw_mode().map_err(failed)?;
    let typed = typed();
    let restored = disable_raw_mode();
    let _ = writeln!(terminal);
    restored.map_err(failed)?;
    typed.map_err(failed)?.ok_or(Failure::Interrupted)
}

/// What is typed until Enter; `None` for Ctrl-C and Ctrl-D, which raw mode makes keys like others.
fn typed() -> std::io::Result<Option<String>> {
    let mut line = String::new();
    loop {
        let key = match read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => key,
            Event::Paste(pasted) => {
                line.push_str(pasted.lines().next().unwrap_or_default());
                continue;
            }
            _ => continue,
        };
        match key {
            KeyEvent { code: KeyCode::Enter, .. } => return Ok(Some(line)),
            KeyEvent { code: KeyCode::Char('c' | 'd'), modifiers: KeyModifiers::CONTROL, .. } => return Ok(None),
            KeyEvent { code: KeyCode::Char('u'), modifiers: KeyModifiers::CONTROL, .. } => line.clear(),
            KeyEvent { code: KeyCode::Backspace, .. } => drop(line.pop()),
            KeyEvent { code: KeyCode::Char(character), .. } => line.push(character),
            _ => {}
        }
    }
}
