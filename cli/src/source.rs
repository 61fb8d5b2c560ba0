//! A script and where it came from: says so in messages.

use std::io::Read;
use std::path::Path;

use maar_engine::{Error, Position};

use crate::error::Failure;

/// A script, a `-c` argument or what was typed.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The file's name; none for `-c`, stdin and the shell.
    pub(crate) name: Option<String>,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn typed(text: impl Into<String>) -> Self {
        Self { name: None, text: text.into() }
    }

    /// Reads a file; `-` is stdin.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Self::stdin();
        }
        let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
        Ok(Self { name: Some(path.display().to_string()), text: utf8(bytes, &path.display().to_string())? })
    }

    pub(crate) fn stdin() -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::file("read", Path::new("stdin"), &error))?;
        Ok(Self::typed(utf8(bytes, "stdin")?))
    }

    /// The failure to report for an error, in the statement that begins at `statement` where there is one:
    /// message, `LINE n:` with the line, a caret, a hint.
    pub(crate) fn failure(&self, statement: Option<Position>, error: &Error) -> Failure {
        let rendered = error.render(&self.text);
        let text = match (&self.name, error.position().or(statement)) {
            (Some(name), Some(place)) => format!("{name}:{}: {rendered}", place.line),
            (Some(name), None) => format!("{name}: {rendered}"),
            (None, _) => rendered,
        };
        Failure::Sql { text }
    }
}

fn utf8(bytes: Vec<u8>, name: &str) -> Result<String, Failure> {
    let text = String::from_utf8(bytes).map_err(|error| {
        Failure::other(format!("'{name}' is not UTF-8 text (byte {} is wrong)", error.utf8_error().valid_up_to()))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use maar_engine::ErrorKind;

    use super::*;

    #[test]
    fn a_file_is_named_with_the_line() {
        let place = Position { line: 2, column: 10 };
        let statement = Some(Position { line: 2, column: 3 });
        let error = Error::new(ErrorKind::Invalid, "bad").with_hint("try b");
        let typed = Source::typed("select 1;\n  select x\nfrom t");
        let named = Source { name: Some("q.sql".to_owned()), ..typed.clone() };
        let shown = |source: &Source, error: &Error| source.failure(statement, error).message().unwrap_or_default();
        assert_eq!(shown(&named, &error), "Error: q.sql:2: bad\nHint: try b");
        let placed = error.or_at(Some(place));
        assert_eq!(shown(&typed, &placed), "Error: bad\nLINE 2:   select x\n                 ^\nHint: try b");
        assert!(shown(&named, &placed).starts_with("Error: q.sql:2: bad\nLINE 2: "));
    }
}
