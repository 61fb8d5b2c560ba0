//! Actions beyond those of `arrow-flight`: the list of what this server does, and the end of a client's session.

use std::pin::Pin;

use arrow_flight::{Action, ActionType, Result as ActionResult};
use futures::{Stream, stream};
use prost::Message;
use tonic::Status;

// The first two are answered by `arrow-flight`, which keeps their names to itself.
const CREATE_PREPARED_STATEMENT: &str = "CreatePreparedStatement";
const CLOSE_PREPARED_STATEMENT: &str = "ClosePreparedStatement";
const CLOSE_SESSION: &str = "CloseSession";

/// The actions of this server, with what they are for.
const ACTIONS: &[(&str, &str)] = &[
    (
        CREATE_PREPARED_STATEMENT,
        "Keeps a statement to be run again: ActionCreatePreparedStatementRequest to ActionCreatePreparedStatementResult",
    ),
    (CLOSE_PREPARED_STATEMENT, "Drops a kept statement: ActionClosePreparedStatementRequest, no result"),
    (CLOSE_SESSION, "Ends the client's session: CloseSessionRequest to CloseSessionResult"),
];

/// CloseSessionResult of the protocol. Unlike messages of Flight SQL it travels bare, not inside an `Any`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
struct CloseSessionResult {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// CloseSessionResult.Status.CLOSED
const CLOSED: i32 = 1;

pub(crate) type ActionStream = Pin<Box<dyn Stream<Item = Result<ActionResult, Status>> + Send>>;

/// The list that clients get.
pub(crate) fn list() -> Vec<Result<ActionType, Status>> {
    let action = |(name, description): &(&str, &str)| {
        Ok(ActionType { r#type: (*name).to_owned(), description: (*description).to_owned() })
    };
    ACTIONS.iter().map(action).collect()
}

/// Runs an action that `arrow-flight` does not know.
///
/// # Errors
/// UNIMPLEMENTED for all but CloseSession, which drivers send when they disconnect. It has nothing to end here:
/// the engine's session is the server's, and stays.
pub(crate) fn run(action: Action) -> Result<ActionStream, Status> {
    match action.r#type.as_str() {
        CLOSE_SESSION => {
            let body = CloseSessionResult { status: CLOSED }.encode_to_vec().into();
            Ok(Box::pin(stream::iter([Ok(ActionResult { body })])))
        }
        other => Err(Status::unimplemented(format!("this server has no action {other}"))),
    }
}
