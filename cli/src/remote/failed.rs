//! Answers of a server that are no rows, as the engine's errors: the same text, place and hint as if the statement had run here.

use std::error::Error as _;

use arrow_flight::error::FlightError;
use maar_engine::{Error, ErrorKind, Position, Statement};
use tonic::{Code, Status};

/// What a statement's failure is called here. Places count from the start of what was sent: `statement` says where that is.
pub(super) fn error(error: FlightError, statement: Option<&Statement>) -> Error {
    match error {
        FlightError::Tonic(status) => from_status(&status, statement.map(Statement::position)),
        other => Error::new(ErrorKind::Internal, format!("the server's answer cannot be read: {other}")),
    }
}

/// What a status says, with the place in the whole script where it has one.
pub(super) fn from_status(status: &Status, start: Option<Position>) -> Error {
    if let Some(cause) = broken_connection(status) {
        return Error::new(ErrorKind::Storage, format!("the connection to the server is broken: {cause}")).with_hint(
            "the next statement connects again; settings and temporary tables are there as long as the server is",
        );
    }
    let said = Said::read(status.message());
    let error = Error::new(kind(status.code()), said.message).or_at(said.place.map(|place| moved(place, start)));
    match said.hint {
        Some(hint) => error.with_hint(hint),
        None if status.code() == Code::Unauthenticated => {
            error.with_hint("leave and connect again: settings and temporary tables of the session are gone")
        }
        None => error,
    }
}

/// The inverse of the server's map. INVALID_ARGUMENT is two kinds, of which the text says all there is to say.
fn kind(code: Code) -> ErrorKind {
    match code {
        Code::InvalidArgument => ErrorKind::Invalid,
        Code::NotFound => ErrorKind::NotFound,
        Code::Unimplemented => ErrorKind::Unsupported,
        Code::ResourceExhausted => ErrorKind::Memory,
        Code::FailedPrecondition => ErrorKind::Device,
        Code::PermissionDenied => ErrorKind::Forbidden,
        Code::Unavailable => ErrorKind::Storage,
        Code::Cancelled => ErrorKind::Cancelled,
        Code::Unauthenticated | Code::DeadlineExceeded => ErrorKind::Invalid,
        _ => ErrorKind::Internal,
    }
}

/// Why the call did not reach the server or its answer not us; `None` for what the server itself says.
pub(super) fn broken_connection(status: &Status) -> Option<String> {
    status.source().map(innermost)
}

/// The words of what is behind an error, behind that, and so on: the outer ones say "transport error".
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let words = cause.to_string();
    words.split(" (os error").next().unwrap_or(&words).to_owned()
}

/// The parts of `MESSAGE (line 2, column 7). Hint: HINT`, as the engine writes an error in one line.
struct Said<'a> {
    message: &'a str,
    place: Option<Position>,
    hint: Option<&'a str>,
}

const HINT: &str = ". Hint: ";

impl<'a> Said<'a> {
    fn read(whole: &'a str) -> Self {
        for (at, _) in whole.rmatch_indices(" (line ") {
            if let Some((place, rest)) = place(&whole[at..])
                && (rest.is_empty() || rest.starts_with(HINT))
            {
                return Self { message: &whole[..at], place: Some(place), hint: rest.strip_prefix(HINT) };
            }
        }
        match whole.split_once(HINT) {
            Some((message, hint)) => Self { message, place: None, hint: Some(hint) },
            None => Self { message: whole, place: None, hint: None },
        }
    }
}

/// The place that ` (line L, column C)...` begins with, and what is behind it.
fn place(text: &str) -> Option<(Position, &str)> {
    let (line, rest) = text.strip_prefix(" (line ")?.split_once(", column ")?;
    let (column, rest) = rest.split_once(')')?;
    Some((Position { line: line.parse().ok()?, column: column.parse().ok()? }, rest))
}

/// A place in a statement as the place in the script where the statement begins at `start`.
fn moved(place: Position, start: Option<Position>) -> Position {
    let Some(start) = start else { return place };
    let column = if place.line == 1 { place.column + start.column - 1 } else { place.column };
    Position { line: place.line + start.line - 1, column }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_arrive_as_they_were() {
        let place = Some(Position { line: 2, column: 7 });
        let plain = Error::new(ErrorKind::NotFound, "there is no column x");
        let errors = [
            plain.clone(),
            plain.clone().or_at(place),
            plain.clone().with_hint("did you mean y?"),
            plain.or_at(place).with_hint("did you mean y (line 3)?"),
            Error::new(ErrorKind::NotFound, "no (line 1, column 2) of a list, as it were").or_at(place),
        ];
        for error in errors {
            let read = from_status(&Status::not_found(error.to_string()), None);
            assert_eq!(
                (read.message(), read.position(), read.hint()),
                (error.message(), error.position(), error.hint())
            );
            assert_eq!(read.kind(), error.kind());
        }
    }

    #[test]
    fn places_are_the_scripts() {
        let start = Some(Position { line: 4, column: 3 });
        let at = |line, column| moved(Position { line, column }, start);
        assert_eq!(at(1, 8), Position { line: 4, column: 10 });
        assert_eq!(at(2, 8), Position { line: 5, column: 8 });
    }
}
