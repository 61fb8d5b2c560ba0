//! What answers over HTTP are made of: a status, a kind, and headers that keep a browser from doing more with them than is meant.

use serde_json::{Value, json};
use tonic::codegen::http::header::{self, HeaderName, HeaderValue};
use tonic::codegen::http::{Response, StatusCode};
use tonic::service::AxumBody;
use tonic::{Code, Status};

pub(crate) const PLAIN: &str = "text/plain; charset=utf-8";
pub(crate) const JSON: &str = "application/json";

/// Nothing but what the server itself gives runs or is loaded, no text becomes markup, and no other page has this one in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Headers of every answer.
const ALWAYS: &[(HeaderName, &str)] = &[
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

pub(crate) fn written(status: StatusCode, kind: &'static str, text: impl Into<AxumBody>) -> Response<AxumBody> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

pub(crate) fn json(value: &Value) -> Response<AxumBody> {
    written(StatusCode::OK, JSON, value.to_string())
}

/// `methods`: those that are answered.
pub(crate) fn method_not_allowed(methods: &'static str) -> Response<AxumBody> {
    let mut response = written(StatusCode::METHOD_NOT_ALLOWED, PLAIN, format!("only {methods} is answered here\n"));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

/// An error as JSON, with the status that HTTP has for it.
pub(crate) fn refused(status: &Status) -> Response<AxumBody> {
    let code = match status.code() {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::InvalidArgument | Code::Unimplemented => StatusCode::BAD_REQUEST,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = written(code, JSON, json!({ "error": status.message() }).to_string());
    if code == StatusCode::UNAUTHORIZED {
        // Not Basic, on which browsers ask for a password by themselves and send it from then on, whoever's page asks.
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
