//! HTTP as a browser and scrapers speak it, in as many lines as the tests of the HTTP door need. No test is here.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
pub(crate) struct Said {
    pub(crate) status: u16,
    /// The status line and the headers, names in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| unreachable!("{error}: {}", self.body))
    }
}

/// Sends `request` (`GET /path`) with these headers and this body, on a connection of its own.
pub(crate) async fn send(http: SocketAddr, request: &str, headers: &[(&str, &str)], body: &str) -> Said {
    let mut lines = format!("{request} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        lines += &format!("Host: {http}\r\n");
    }
    for (name, value) in headers {
        lines += &format!("{name}: {value}\r\n");
    }
    let mut stream = TcpStream::connect(http).await.unwrap();
    stream.write_all(format!("{lines}\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    let head = head.to_ascii_lowercase();
    let body = if head.contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() };
    Said { status, head, body }
}

fn unchunked(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = text.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        whole += &rest[..length];
        text = rest[length..].trim_start_matches("\r\n");
    }
    whole
}
