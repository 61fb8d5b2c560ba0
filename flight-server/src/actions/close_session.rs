//! CloseSession: the end of a client's session, with its temporary tables, its options, and what it left with the server.
//! Drivers send it when they disconnect. What runs in it is cancelled.

use arrow_flight::Action;
use tonic::{Request, Status};

use crate::sessions::Sessions;

/// CloseSessionResult of the protocol.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct CloseSessionResult {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// CloseSessionResult.Status.CLOSED
const CLOSED: i32 = 1;

/// # Errors
/// UNAUTHENTICATED for a token of no session.
pub(super) fn run(sessions: &Sessions, request: &Request<Action>) -> Result<CloseSessionResult, Status> {
    sessions.end(request)?;
    Ok(CloseSessionResult { status: CLOSED })
}
