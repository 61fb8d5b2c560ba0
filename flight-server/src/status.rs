//! The one map from errors to gRPC's status codes, by what the client can do. Clients see no other codes than these.

use std::sync::Arc;

use arrow_flight::error::FlightError;
use maar_engine::{Error, ErrorKind};
use tonic::{Code, Status};

/// Bytes of a message. It travels as a header, of which clients take 8 KiB in all, and may grow threefold on the way.
const MESSAGE_BYTES_MAX: usize = 2048;

/// The engine's error as a client sees it: message, place and hint. The error itself goes along inside the server, where another
/// protocol than gRPC may have more to say of it.
pub(crate) fn from_engine(error: &Error) -> Status {
    let mut status = Status::new(code(error.kind()), capped(error.to_string()));
    status.set_source(Arc::new(error.clone()));
    status
}

fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Syntax | ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Unsupported => Code::Unimplemented,
        ErrorKind::Memory => Code::ResourceExhausted,
        // Not UNAVAILABLE, on which clients retry by themselves: a missing device stays missing.
        ErrorKind::Device => Code::FailedPrecondition,
        ErrorKind::Forbidden => Code::PermissionDenied,
        ErrorKind::Storage => Code::Unavailable,
        ErrorKind::Cancelled => Code::Cancelled,
        ErrorKind::Internal => Code::Internal,
    }
}

/// An error of the protocol's own machinery: always a bug of ours, or a client's broken message.
pub(crate) fn from_flight(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        FlightError::DecodeError(message) | FlightError::ProtocolError(message) => {
            Status::invalid_argument(capped(message))
        }
        other => Status::internal(capped(format!("internal error, a bug of ours: {other}"))),
    }
}

pub(crate) fn capped(mut message: String) -> String {
    const MARK: &str = " ...";
    if message.len() > MESSAGE_BYTES_MAX {
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX - MARK.len()));
        message.push_str(MARK);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_carry_the_hint_and_stay_short() {
        let error = Error::new(ErrorKind::NotFound, "there is no table t").with_hint("did you mean u?");
        let status = from_engine(&error);
        assert_eq!(status.code(), Code::NotFound);
        assert!(status.message().contains("did you mean u?"), "{status}");
        let long = from_engine(&Error::new(ErrorKind::Internal, "ü".repeat(5000)));
        assert!(long.message().len() <= MESSAGE_BYTES_MAX && long.message().ends_with("..."), "{long}");
    }
}
