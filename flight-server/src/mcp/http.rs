//! The protocol over HTTP (Streamable HTTP), at one path of the HTTP door: each message is a POST, and its answer the response to it. The
//! server keeps nothing between two of them and sends nothing by itself, so that there is no stream to listen to. Each call of a tool has
//! a session of its own, a reader's whoever asks, with the limits and the audit log of any other; it ends when its client goes away.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;
use tonic::Status;
use tonic::codegen::http::{Method, Response, StatusCode};
use tonic::service::AxumBody;

use super::{Call, Message, Outcome, Rows, VERSIONS, Wrong, call, content, error, greeting, list, read, result};
use crate::connection::peer;
use crate::http::answer::{JSON, PLAIN, method_not_allowed, refused, written};
use crate::http::{Asked, Door};
use crate::role::Role;
use crate::secrets::secret;
use crate::session::{InUse, Owner};
use crate::sessions::Way;
use crate::statements;
use crate::status::from_flight;
use crate::trace_context::trace_of;

/// The most rows that a query gives, and how long it may run.
const ROWS_MAX: usize = 1000;
const TIME_MAX: Duration = Duration::from_secs(60);

/// The header with the version that a client and this server have agreed on.
const VERSION: &str = "mcp-protocol-version";

/// Answers one message.
pub(crate) async fn answer(door: &Arc<Door>, asked: &Asked) -> Response<AxumBody> {
    if asked.method != Method::POST {
        return method_not_allowed("POST");
    }
    match heard(door, asked).await {
        Ok(answer) => answer,
        Err(status) => refused(&status),
    }
}

async fn heard(door: &Arc<Door>, asked: &Asked) -> Result<Response<AxumBody>, Status> {
    let owner = owner(door, asked).await?;
    if let Some(version) = asked.header(VERSION).filter(|version| !VERSIONS.contains(version)) {
        let known = VERSIONS.join(", ");
        return Err(Status::invalid_argument(format!(
            "no version '{version}' of the protocol is spoken here: {known}"
        )));
    }
    if asked.header("accept").is_some_and(|kinds| !kinds.contains(JSON) && !kinds.contains("*/*")) {
        return Ok(written(StatusCode::NOT_ACCEPTABLE, PLAIN, "answers are application/json\n"));
    }
    let said = |status, message: Value| written(status, JSON, message.to_string());
    Ok(match read(&asked.body) {
        Message::Request { id, method, params } => said(
            StatusCode::OK,
            match request(door, asked, owner, &method, &params).await {
                Ok(answer) => result(&id, answer),
                Err(wrong) => error(&id, wrong),
            },
        ),
        Message::Wrong(id, wrong) => said(StatusCode::BAD_REQUEST, error(&id, wrong)),
        Message::Notification { .. } | Message::Nothing => written(StatusCode::ACCEPTED, PLAIN, ""),
    })
}

/// Who asks: a user with his password or the token of a session, or nobody where there are no users. He is a reader.
async fn owner(door: &Arc<Door>, asked: &Asked) -> Result<Owner, Status> {
    let role = Role::Reader;
    if !door.common.has_users {
        return Ok(Owner { user: None, role });
    }
    let authorization = asked.header("authorization").unwrap_or_default();
    let is_password = authorization.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic "));
    if !is_password {
        return Ok(Owner { user: door.sessions.of(&asked.call)?.owner.user.clone(), role });
    }
    let peer = peer(&asked.call);
    let owner = door.gate.pass(asked.call.metadata(), peer).await.map_err(|refused| {
        door.sessions.refused(refused.user.as_deref(), peer, refused.reason);
        refused.status
    })?;
    Ok(Owner { role, ..owner })
}

async fn request(door: &Arc<Door>, asked: &Asked, owner: Owner, method: &str, params: &Value) -> Result<Value, Wrong> {
    match method {
        "initialize" => Ok(greeting(params)),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(list(ROWS_MAX)),
        "tools/call" => {
            let call = call(params, ROWS_MAX)?;
            Ok(content(ran(door, asked, owner, &call).await))
        }
        _ => Err(Wrong::Method(method.to_owned())),
    }
}

async fn ran(door: &Arc<Door>, asked: &Asked, owner: Owner, call: &Call) -> Outcome {
    let peer = peer(&asked.call);
    let session = door.sessions.open(owner, Way::Tool, peer).map_err(|status| status.message().to_owned())?;
    let session = InUse::new(session, peer).traced(trace_of(&asked.call));
    let late = || {
        let seconds = TIME_MAX.as_secs();
        format!("the statement was cancelled: it ran for {seconds} s, and a tool's may not run longer")
    };
    match timeout(TIME_MAX, rows(&session, call)).await {
        Ok(rows) => rows.map_err(|status| status.message().to_owned()),
        Err(_) => Err(late()),
    }
}

/// Runs the statement of a call as any other of a client.
async fn rows(session: &InUse, call: &Call) -> Result<String, Status> {
    let sql = call.sql.clone();
    let plan = |session: InUse| async move { Ok(vec![statements::plan_complete(&session, &sql).await?]) };
    let waiting = session.ready(&call.sql, plan).await?;
    let mut rows = Rows::new(Arc::clone(waiting.schema()), call.rows);
    let reply = session.fetch(secret()?, waiting).await?.into_inner();
    let mut batches = FlightRecordBatchStream::new_from_flight_data(reply.map_err(FlightError::from));
    while !rows.is_full()
        && let Some(batch) = batches.next().await
    {
        let unprintable = |error: std::io::Error| Status::internal(format!("a value cannot be written: {error}"));
        rows.add(&batch.map_err(from_flight)?).map_err(unprintable)?;
    }
    Ok(rows.finish())
}
