//! The dashboard: pages for people in a browser, over what `maar.system` says of the server, with the same users and roles. Here: which
//! path is whose. The pages are files that are in the program (`assets`), what they show comes as JSON (`api`), and whose it is decides
//! the session of a login (`login`). Not here: who may speak to it at all (`http::guard`).

mod api;
mod assets;
mod login;

use std::sync::Arc;

use tonic::Status;
use tonic::codegen::http::{Method, Response};
use tonic::service::AxumBody;

use crate::http::answer::{method_not_allowed, refused};
use crate::http::{Asked, Door};

/// A header that a form of another site cannot send: a request that changes something has it.
const CONFIRMED: &str = "maar-dashboard";

pub(crate) async fn answer(door: &Arc<Door>, asked: &Asked) -> Response<AxumBody> {
    if let Some(path) = asked.path.strip_prefix("/api/") {
        return routed(door, asked, path).await.unwrap_or_else(|status| refused(&status));
    }
    match asked.method {
        Method::GET | Method::HEAD => assets::answer(&asked.path),
        _ => method_not_allowed("GET"),
    }
}

async fn routed(door: &Arc<Door>, asked: &Asked, path: &str) -> Result<Response<AxumBody>, Status> {
    let words: Vec<&str> = path.split('/').collect();
    let is_change = matches!(words[..], ["login" | "logout"] | ["queries", _, "cancel"]);
    let method = if is_change { Method::POST } else { Method::GET };
    if asked.method != method {
        return Ok(method_not_allowed(if is_change { "POST" } else { "GET" }));
    }
    if is_change && asked.header(CONFIRMED).is_none() {
        return Err(Status::permission_denied(format!(
            "what changes something is sent with the header {CONFIRMED}: 1"
        )));
    }
    match words[..] {
        ["login"] => login::open(door, asked).await,
        ["logout"] => login::close(door, asked),
        ["overview"] => api::overview(door, &login::viewer(door, asked)?),
        ["queries"] => api::queries(&login::viewer(door, asked)?),
        ["queries", id] => api::query(&login::viewer(door, asked)?, id),
        ["queries", id, "cancel"] => api::cancel(&login::viewer(door, asked)?, id),
        ["sessions"] => api::sessions(&login::viewer(door, asked)?),
        _ => Err(Status::not_found("the dashboard asks for overview, queries and sessions; there is nothing else")),
    }
}
