//! The HTTP door for who watches over the server: whether it lives, whether it takes work, and what it counts. It has a port of its
//! own and answers everyone who reaches it: there is nothing secret behind it (`metrics`).

use std::sync::Arc;

use tonic::codegen::http::{Method, Request, Response, StatusCode, header};
use tonic::service::{AxumBody, AxumRouter, Routes};
use tonic::transport::server::TcpIncoming;

use crate::common::Common;
use crate::metrics;

/// Bytes of the headers of a request.
const HEADER_BYTES_MAX: u32 = 16 << 10;

const PLAIN: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers until it is dropped.
///
/// # Errors
/// When the network fails.
pub(crate) async fn serve(incoming: TcpIncoming, common: Arc<Common>) -> Result<(), tonic::transport::Error> {
    let answer = move |request: Request<AxumBody>| {
        let common = Arc::clone(&common);
        async move { answer(&common, request.method(), request.uri().path()) }
    };
    let routes = Routes::from(AxumRouter::new().fallback(answer));
    let mut server =
        tonic::transport::Server::builder().accept_http1(true).http2_max_header_list_size(HEADER_BYTES_MAX);
    server.add_routes(routes).serve_with_incoming(incoming).await
}

fn answer(common: &Common, method: &Method, path: &str) -> Response<AxumBody> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return written(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET is answered here\n".to_owned());
    }
    match path {
        "/livez" => written(StatusCode::OK, PLAIN, "ok\n".to_owned()),
        "/readyz" if common.is_draining() => {
            written(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "the server is about to end\n".to_owned())
        }
        "/readyz" => written(StatusCode::OK, PLAIN, "ok\n".to_owned()),
        "/metrics" => written(StatusCode::OK, PROMETHEUS, metrics::written(common)),
        _ => written(StatusCode::NOT_FOUND, PLAIN, "here are /livez, /readyz and /metrics\n".to_owned()),
    }
}

fn written(status: StatusCode, kind: &'static str, text: String) -> Response<AxumBody> {
    let mut response = Response::new(AxumBody::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
