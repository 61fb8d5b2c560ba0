//! The one map from errors to SQLSTATE: by what the engine says went wrong, else by the kind of it.

use maar_engine::{Error, ErrorKind};
use tonic::Code;

/// Codes by how the engine's message reads, the first that fits.
const BY_MESSAGE: &[(&str, &str)] = &[
    ("there is no table function '", "42883"),
    ("there is no table '", "42P01"),
    ("there is no column ", "42703"),
    ("there is no function '", "42883"),
    ("there is no option ", "42704"),
    ("division by zero", "22012"),
    ("a value cannot be cast", "22P02"),
    ("overflow", "22003"),
    ("out of range", "22003"),
    ("too large for", "22003"),
    ("is ambiguous", "42702"),
    ("ambiguous:", "42702"),
    ("is neither in GROUP BY", "42803"),
    ("aggregates are not allowed", "42803"),
    ("already exists", "42P07"),
    ("the parameter ", "42P02"),
];

pub(super) fn of_error(error: &Error) -> &'static str {
    let by_kind = of_kind(error.kind());
    if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Internal) {
        return by_kind;
    }
    let message = error.message().to_ascii_lowercase();
    let found = BY_MESSAGE.iter().find(|(words, _)| message.contains(&words.to_ascii_lowercase()));
    found.map_or(by_kind, |(_, code)| code)
}

fn of_kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Syntax => "42601",
        ErrorKind::NotFound => "42704",
        ErrorKind::Invalid => "22000",
        ErrorKind::Unsupported => "0A000",
        ErrorKind::Memory => "53200",
        ErrorKind::Device => "58000",
        ErrorKind::Forbidden => "42501",
        ErrorKind::Storage => "58030",
        ErrorKind::Cancelled => "57014",
        ErrorKind::Internal => "XX000",
    }
}

/// Of what did not come from the engine.
pub(super) fn of_code(code: Code) -> &'static str {
    match code {
        Code::InvalidArgument => "22023",
        Code::NotFound => "42704",
        Code::Unimplemented => "0A000",
        Code::PermissionDenied => "42501",
        Code::Unauthenticated => "28000",
        Code::ResourceExhausted => "53000",
        Code::Unavailable => "57P03",
        Code::Cancelled => "57014",
        Code::FailedPrecondition => "55000",
        _ => "XX000",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_decides_before_the_kind() {
        for (kind, message, code) in [
            (ErrorKind::NotFound, "there is no table 'x'", "42P01"),
            (ErrorKind::NotFound, "there is no column x", "42703"),
            (ErrorKind::Invalid, "Division by zero", "22012"),
            (ErrorKind::Invalid, "something else", "22000"),
            (ErrorKind::Syntax, "there is no table 'x'", "42601"),
            (ErrorKind::Cancelled, "the query was cancelled", "57014"),
        ] {
            assert_eq!(of_error(&Error::new(kind, message)), code, "{message}");
        }
    }
}
