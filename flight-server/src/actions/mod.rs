//! Actions beyond those of `arrow-flight`, one file each: cancelling, the session's options and its end. Here: the list of what
//! this server does, and which file answers.

mod cancel;
mod close_session;
mod session_options;

use std::pin::Pin;

use arrow_flight::{Action, ActionType, Result as ActionResult};
use futures::{Stream, stream};
use prost::Message;
use tonic::{Request, Status};

pub(crate) use cancel::cancel;

use crate::sessions::Sessions;

// The first three are answered by `arrow-flight`, which keeps their names to itself.
const CREATE_PREPARED_STATEMENT: &str = "CreatePreparedStatement";
const CLOSE_PREPARED_STATEMENT: &str = "ClosePreparedStatement";
const CANCEL_QUERY: &str = "CancelQuery";
const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";
const SET_SESSION_OPTIONS: &str = "SetSessionOptions";
const GET_SESSION_OPTIONS: &str = "GetSessionOptions";
const CLOSE_SESSION: &str = "CloseSession";

/// The actions of this server, with what they are for.
const ACTIONS: &[(&str, &str)] = &[
    (
        CREATE_PREPARED_STATEMENT,
        "Keeps a statement to be run again: ActionCreatePreparedStatementRequest to ActionCreatePreparedStatementResult",
    ),
    (CLOSE_PREPARED_STATEMENT, "Drops a kept statement: ActionClosePreparedStatementRequest, no result"),
    (CANCEL_QUERY, "The older CancelFlightInfo: ActionCancelQueryRequest to ActionCancelQueryResult"),
    (CANCEL_FLIGHT_INFO, "Ends a statement that waits or runs: CancelFlightInfoRequest to CancelFlightInfoResult"),
    (SET_SESSION_OPTIONS, "Sets options of the session: SetSessionOptionsRequest to SetSessionOptionsResult"),
    (GET_SESSION_OPTIONS, "Lists options of the session: GetSessionOptionsRequest to GetSessionOptionsResult"),
    (CLOSE_SESSION, "Ends the client's session: CloseSessionRequest to CloseSessionResult"),
];

pub(crate) type ActionStream = Pin<Box<dyn Stream<Item = Result<ActionResult, Status>> + Send>>;

/// The list that clients get.
pub(crate) fn list() -> Vec<Result<ActionType, Status>> {
    let action = |(name, description): &(&str, &str)| {
        Ok(ActionType { r#type: (*name).to_owned(), description: (*description).to_owned() })
    };
    ACTIONS.iter().map(action).collect()
}

/// Runs an action that `arrow-flight` does not know; `None` for any other.
///
/// # Errors
/// INVALID_ARGUMENT for a body that is not the action's message, and those of finding the session.
pub(crate) async fn run(sessions: &Sessions, request: &Request<Action>) -> Result<Option<ActionStream>, Status> {
    Ok(Some(match request.get_ref().r#type.as_str() {
        CANCEL_FLIGHT_INFO => {
            let wanted = body(request.get_ref())?;
            answer(&cancel::flight_info(&*sessions.of(request)?, wanted)?)
        }
        SET_SESSION_OPTIONS => answer(&session_options::set(sessions, request).await?),
        GET_SESSION_OPTIONS => answer(&session_options::get(sessions, request)?),
        CLOSE_SESSION => answer(&close_session::run(sessions, request)?),
        _ => return Ok(None),
    }))
}

/// For actions that nobody knows.
pub(crate) fn unknown(action: &Action) -> Status {
    Status::unimplemented(format!("this server has no action {}", action.r#type))
}

/// The message of an action. Unlike those of Flight SQL, messages about sessions travel bare, not inside an `Any`.
fn body<M: Message + Default>(action: &Action) -> Result<M, Status> {
    let broken = |e| Status::invalid_argument(format!("the body of {} is not its message: {e}", action.r#type));
    M::decode(&*action.body).map_err(broken)
}

fn answer(result: &impl Message) -> ActionStream {
    let body = result.encode_to_vec().into();
    Box::pin(stream::iter([Ok(ActionResult { body })]))
}
