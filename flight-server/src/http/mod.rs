//! The HTTP door: whether the server lives, whether it takes work, what it counts (`metrics`), the dashboard (`dashboard`), and tools
//! for language models (`mcp`). It has a port of its own. The first three answer everyone who reaches it: there is nothing secret behind them. Here: listening, and which path
//! is whose. What a request must be to be heard at all is in `guard`, what answers are made of in `answer`.

pub(crate) mod answer;
mod guard;

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use http_body_util::{BodyExt, Limited};
use tokio::time::timeout;
use tonic::codegen::http::request::Parts;
use tonic::codegen::http::{Method, Request, Response, StatusCode};
use tonic::metadata::MetadataMap;
use tonic::service::{AxumBody, AxumRouter, Routes};
use tonic::transport::server::TcpIncoming;

use crate::common::Common;
use crate::connection::Io;
use crate::dashboard;
use crate::gate::Gate;
use crate::mcp;
use crate::metrics;
use crate::sessions::Sessions;
use crate::tls::Tls;
use answer::{PLAIN, written};

/// Bytes of the headers of a request.
const HEADER_BYTES_MAX: u32 = 16 << 10;

/// Bytes of the body of a request, and how long it may take to come.
const BODY_BYTES_MAX: usize = 4 << 20;
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// Where tools for language models are.
const MCP: &str = "/mcp";

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is behind the door.
pub(crate) struct Door {
    pub(crate) common: Arc<Common>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) gate: Arc<Gate>,
}

/// A request whose body has come.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Its headers and what is known of its connection, as calls have them.
    pub(crate) call: tonic::Request<()>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.call.metadata().get(name)?.to_str().ok()
    }
}

/// Answers until it is dropped; encrypted, with `tls`.
///
/// # Errors
/// When the network fails.
pub(crate) async fn serve(
    incoming: TcpIncoming,
    door: Arc<Door>,
    tls: Option<Tls>,
) -> Result<(), tonic::transport::Error> {
    let answer = move |request: Request<AxumBody>| {
        let door = Arc::clone(&door);
        async move { answer(&door, request).await }
    };
    let routes = Routes::from(AxumRouter::new().fallback(answer));
    let mut server =
        tonic::transport::Server::builder().accept_http1(true).http2_max_header_list_size(HEADER_BYTES_MAX);
    if let Some(tls) = tls {
        server = server.tls_config(tls.config())?;
    }
    server.add_routes(routes).serve_with_incoming(incoming.map_ok(Io::new)).await
}

async fn answer(door: &Arc<Door>, request: Request<AxumBody>) -> Response<AxumBody> {
    let (parts, body) = request.into_parts();
    if let Some(answer) = watched(&door.common, &parts.method, parts.uri.path()) {
        return answer;
    }
    if let Some(refused) = guard::refusal(&parts, door.common.has_users) {
        return refused;
    }
    match asked(parts, body).await {
        Some(asked) if asked.path == MCP => mcp::answer_http(door, &asked).await,
        Some(asked) => dashboard::answer(door, &asked).await,
        None => {
            let seconds = BODY_TIME_MAX.as_secs();
            let bounds = format!("a request has at most {BODY_BYTES_MAX} bytes, which come within {seconds} s\n");
            written(StatusCode::PAYLOAD_TOO_LARGE, PLAIN, bounds)
        }
    }
}

/// The answers for who watches over the server, which need no login.
fn watched(common: &Common, method: &Method, path: &str) -> Option<Response<AxumBody>> {
    let (status, kind, text) = match path {
        "/livez" => (StatusCode::OK, PLAIN, "ok\n".to_owned()),
        "/readyz" if common.is_draining() => {
            (StatusCode::SERVICE_UNAVAILABLE, PLAIN, "the server is about to end\n".to_owned())
        }
        "/readyz" => (StatusCode::OK, PLAIN, "ok\n".to_owned()),
        "/metrics" => (StatusCode::OK, PROMETHEUS, metrics::written(common)),
        _ => return None,
    };
    Some(match *method {
        Method::GET | Method::HEAD => written(status, kind, text),
        _ => answer::method_not_allowed("GET"),
    })
}

/// A request with its body; `None` where that is too long, or does not come.
async fn asked(parts: Parts, body: AxumBody) -> Option<Asked> {
    let body = timeout(BODY_TIME_MAX, Limited::new(body, BODY_BYTES_MAX).collect()).await.ok()?.ok()?;
    let Parts { method, uri, headers, extensions, .. } = parts;
    let call = tonic::Request::from_parts(MetadataMap::from_headers(headers), extensions, ());
    Some(Asked { method, path: uri.path().to_owned(), call, body: body.to_bytes().to_vec() })
}
