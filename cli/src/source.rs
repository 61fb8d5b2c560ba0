//! A text of statements and where it came from: finds lines for error messages.

use std::io::Read;
use std::path::Path;

use crate::engine::SqlError;
use crate::error::Failure;

/// Characters of a source line shown round the caret.
const WINDOW: usize = 100;

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

    /// The failure to report for an error in the statement that starts at byte `start`:
    /// message, `LINE n:` with the line, a caret, a hint.
    pub(crate) fn failure(&self, start: usize, error: &SqlError) -> Failure {
        let first_line = self.text[..start].matches('\n').count() + 1;
        let line = first_line + error.position.map_or(0, |(line, _)| line.saturating_sub(1));
        let mut text = match &self.name {
            Some(name) => format!("{name}:{line}: {}", error.message),
            None => error.message.clone(),
        };
        if let Some((statement_line, column)) = error.position {
            let before = if statement_line == 1 { self.characters_before(start) } else { 0 };
            text.push_str(&self.pointer(line, before + column));
        }
        if let Some(hint) = &error.hint {
            text.push_str(&format!("\nHint: {hint}"));
        }
        Failure::Sql { text }
    }

    /// Characters between the start of the line and byte `at`.
    fn characters_before(&self, at: usize) -> usize {
        let line = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        self.text[line..at].chars().count()
    }

    /// The line and, below, a caret under `column` (from 1).
    fn pointer(&self, line: usize, column: usize) -> String {
        let Some(text) = self.text.split('\n').nth(line - 1) else { return String::new() };
        let characters: Vec<char> = text.trim_end().chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
        let at = column.saturating_sub(1).min(characters.len());
        let from = if characters.len() <= WINDOW { 0 } else { at.saturating_sub(WINDOW / 2) };
        let to = characters.len().min(from + WINDOW);
        let (dots_before, dots_after) =
            (if from > 0 { "..." } else { "" }, if to < characters.len() { "..." } else { "" });
        let shown: String = characters[from..to].iter().collect();
        let label = format!("LINE {line}: {dots_before}");
        let before: String = characters[from..at.max(from)].iter().collect();
        let indent = " ".repeat(width(&label) + width(&before));
        format!("\n{label}{shown}{dots_after}\n{indent}^")
    }
}

fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

fn utf8(bytes: Vec<u8>, name: &str) -> Result<String, Failure> {
    let text = String::from_utf8(bytes).map_err(|error| {
        Failure::other(format!("'{name}' is not UTF-8 text (byte {} is wrong)", error.utf8_error().valid_up_to()))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(source: &Source, start: usize, position: (usize, usize)) -> String {
        let error = SqlError { message: "bad".to_owned(), position: Some(position), hint: Some("try b".to_owned()) };
        source.failure(start, &error).message().unwrap_or_default()
    }

    #[test]
    fn the_caret_stands_under_the_culprit() {
        let source = Source::typed("select 1;\n  select 日本, x\nfrom t");
        let text = rendered(&source, 12, (1, 12));
        assert_eq!(text, "Error: bad\nLINE 2:   select 日本, x\n                       ^\nHint: try b");
        let named = Source { name: Some("q.sql".to_owned()), ..source };
        assert!(rendered(&named, 12, (2, 6)).starts_with("Error: q.sql:3: bad\nLINE 3: from t\n             ^"));
    }

    #[test]
    fn long_lines_are_shown_round_the_caret() {
        let source = Source::typed(format!("select {} wrong, {}", "1,".repeat(200), "2,".repeat(200)));
        let text = rendered(&source, 0, (1, 409));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("LINE 1: ...") && lines[1].ends_with("..."), "{text}");
        let caret = lines[2].find('^').unwrap_or(0);
        assert_eq!(&lines[1][caret..caret + 5], "wrong");
    }
}
