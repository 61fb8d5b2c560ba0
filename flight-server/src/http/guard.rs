//! Requests that a browser sends for somebody else's page are not heard: those of another origin, and, where there are no users, those
//! to a name that another site could have made lead here. Not here: who may log in (`gate`).

use std::net::{IpAddr, Ipv6Addr};

use tonic::Status;
use tonic::codegen::http::header::{HOST, ORIGIN};
use tonic::codegen::http::request::Parts;
use tonic::codegen::http::{Response, uri::Authority};
use tonic::service::AxumBody;

use super::answer::refused;

/// The answer to a request that is not heard.
pub(super) fn refusal(request: &Parts, has_users: bool) -> Option<Response<AxumBody>> {
    let wanted = authority(request);
    // Of a login nobody else's page knows the words; without one the name that it uses has to be ours.
    if !has_users && !wanted.as_ref().is_some_and(|wanted| is_ours(wanted.host())) {
        return Some(refused(&Status::permission_denied(
            "this server has no users, so it is called by an IP address or localhost only: any other name could be another site's",
        )));
    }
    let origin = request.headers.get(ORIGIN)?;
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, origin)| origin);
    match (origin, wanted) {
        (Some(origin), Some(wanted)) if origin.eq_ignore_ascii_case(wanted.as_str()) => None,
        _ => Some(refused(&Status::permission_denied("a page of another origin is not answered (Origin)"))),
    }
}

/// Whom the request is for: `Host`, or what HTTP/2 has in its place.
fn authority(request: &Parts) -> Option<Authority> {
    match request.uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => request.headers.get(HOST)?.to_str().ok()?.parse().ok(),
    }
}

/// Whether no other site can own the name.
fn is_ours(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok()
        || bare.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tonic::codegen::http::Request;

    use super::*;

    fn is_heard(host: &str, origin: Option<&str>, has_users: bool) -> bool {
        let mut request = Request::builder().uri("/api/queries").header(HOST, host);
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        refusal(&request.body(()).unwrap().into_parts().0, has_users).is_none()
    }

    #[test]
    fn pages_of_others_are_not_heard() {
        for (host, origin, users, heard) in [
            ("127.0.0.1:8080", None, false, true),
            ("[::1]:8080", Some("http://[::1]:8080"), false, true),
            ("localhost", Some("http://localhost"), false, true),
            ("maar.example.com:8080", None, false, false),
            ("maar.example.com:8080", Some("https://maar.example.com:8080"), true, true),
            ("maar.example.com:8080", Some("https://maar.example.com"), true, false),
            ("127.0.0.1:8080", Some("http://127.0.0.1:9090"), false, false),
            ("127.0.0.1:8080", Some("https://evil.example.com"), true, false),
            ("127.0.0.1:8080", Some("null"), true, false),
            ("", None, false, false),
        ] {
            assert_eq!(is_heard(host, origin, users), heard, "{host} {origin:?} {users}");
        }
    }
}
