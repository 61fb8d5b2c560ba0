//! Errors as PostgreSQL's clients know them: a severity, a code (SQLSTATE) that programs look at, words for people, and a place in the
//! SQL. Not here: which code an error has (`sqlstate`).

use std::fmt;
use std::sync::Arc;

use maar_engine::{Error, Position};
use tonic::Status;

use super::sqlstate;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    Error,
    /// The connection ends with it.
    Fatal,
    Warning,
}

impl Severity {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Warning => "WARNING",
        }
    }
}

/// An error, or a warning.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) severity: Severity,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// The character of the query that it is at, from 1.
    pub(super) position: Option<usize>,
}

impl Fault {
    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self { severity, code, message: message.into(), hint: None, position: None }
    }

    pub(super) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    pub(super) fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Fatal, code, message)
    }

    pub(super) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, as the end of the connection.
    pub(super) fn and_ends(mut self) -> Self {
        self.severity = Severity::Fatal;
        self
    }

    /// A status of a statement. `place` says where the statement's lines and columns are in what the client sent.
    pub(super) fn of(status: &Status, place: &Place) -> Self {
        let Some(cause) = std::error::Error::source(status) else {
            return Self::error(sqlstate::of_code(status.code()), status.message());
        };
        if let Some(Coded(code)) = cause.downcast_ref::<Coded>() {
            return Self::error(code, status.message());
        }
        match cause.downcast_ref::<Error>() {
            Some(error) => Self {
                hint: error.hint().map(str::to_owned),
                position: error.position().and_then(|at| place.character(at)),
                ..Self::error(sqlstate::of_error(error), error.message())
            },
            None => Self::error(sqlstate::of_code(status.code()), status.message()),
        }
    }
}

/// A code that a status has besides its own, which has fewer.
#[derive(Debug)]
struct Coded(&'static str);

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Coded {}

/// `status`, which clients of this protocol know by `code`.
pub(super) fn coded(mut status: Status, code: &'static str) -> Status {
    status.set_source(Arc::new(Coded(code)));
    status
}

/// Where a statement is in the query that it came with.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// The statement; none where its places are not the client's.
    sql: Option<Arc<str>>,
    /// Characters before it.
    before: usize,
}

impl Place {
    /// `sql` as it begins at `start` in `whole`.
    pub(super) fn within(whole: &str, start: Position, sql: &str) -> Self {
        Self { sql: Some(sql.into()), before: characters(whole, start).unwrap_or_default() }
    }

    /// `sql` is all that the client sent.
    pub(super) fn whole(sql: &Arc<str>) -> Self {
        Self { sql: Some(Arc::clone(sql)), before: 0 }
    }

    fn character(&self, at: Position) -> Option<usize> {
        characters(self.sql.as_deref()?, at).map(|inside| self.before + inside + 1)
    }
}

/// Characters of `text` before a line and column.
fn characters(text: &str, at: Position) -> Option<usize> {
    let lines = text.split_inclusive('\n').take(at.line.checked_sub(1)?);
    Some(lines.map(|line| line.chars().count()).sum::<usize>() + at.column.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_in_what_was_sent() {
        let whole = "select 1;\n sélect\nfrom x";
        let place = Place::within(whole, Position { line: 2, column: 2 }, "sélect\nfrom x");
        assert_eq!(place.character(Position { line: 1, column: 1 }), Some(12));
        assert_eq!(place.character(Position { line: 2, column: 6 }), Some(24));
        assert_eq!(Place::default().character(Position { line: 1, column: 1 }), None);
    }
}
