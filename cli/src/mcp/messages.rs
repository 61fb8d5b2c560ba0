//! The messages of the protocol: JSON-RPC 2.0, one a line. What they ask for is not known here.

use std::io::{self, BufRead, Read};
use std::thread;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::error::Failure;

/// Bytes of a message.
const BYTES_MAX: u64 = 4 << 20;

/// Messages that were read and wait to be taken.
const AHEAD: usize = 16;

/// What a client sent.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    /// What has to be answered with an error.
    Wrong(Value, Wrong),
    /// An empty line, or an answer to what was never asked.
    Nothing,
}

/// Why a message is not answered as it wishes.
#[derive(Debug, PartialEq)]
pub(super) enum Wrong {
    Json(String),
    Request,
    Method(String),
    Params(String),
    TooMany,
}

impl Wrong {
    fn code_and_text(self) -> (i64, String) {
        match self {
            Self::Json(cause) => (-32700, format!("the message is no JSON: {cause}")),
            Self::Request => (-32600, "the message is no request of JSON-RPC 2.0; batches are not taken".to_owned()),
            Self::Method(method) => (-32601, format!("there is no method '{method}' here")),
            Self::Params(cause) => (-32602, cause),
            Self::TooMany => (-32000, "too many calls wait: send the next one after an answer".to_owned()),
        }
    }
}

/// The lines of stdin, which a thread of its own waits for.
pub(super) fn lines() -> Result<mpsc::Receiver<io::Result<Vec<u8>>>, Failure> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let read = move || {
        let mut input = io::stdin().lock();
        while let Some(line) = next_line(&mut input).transpose() {
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("stdin".to_owned()).spawn(read);
    thread.map(|_| receiver).map_err(|error| Failure::other(format!("cannot start threads: {error}")))
}

fn next_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    input.take(BYTES_MAX).read_until(b'\n', &mut line)?;
    match line.len() as u64 {
        0 => Ok(None),
        BYTES_MAX => Err(io::Error::other(format!("a message on stdin has more than {BYTES_MAX} bytes"))),
        _ => Ok(Some(line)),
    }
}

pub(super) fn read(line: &[u8]) -> Message {
    if line.trim_ascii().is_empty() {
        return Message::Nothing;
    }
    let mut message = match serde_json::from_slice(line) {
        Ok(Value::Object(message)) => message,
        Ok(_) => return Message::Wrong(Value::Null, Wrong::Request),
        Err(error) => return Message::Wrong(Value::Null, Wrong::Json(error.to_string())),
    };
    let mut part = |name: &str| message.remove(name).unwrap_or_default();
    let (id, method, params) = (part("id"), part("method"), part("params"));
    let is_id = id.is_string() || id.is_number();
    let method = method.as_str().map(str::to_owned);
    match method {
        Some(method) if is_id => Message::Request { id, method, params },
        Some(method) if id.is_null() => Message::Notification { method, params },
        None if is_id && (message.contains_key("result") || message.contains_key("error")) => Message::Nothing,
        _ => Message::Wrong(if is_id { id } else { Value::Null }, Wrong::Request),
    }
}

pub(super) fn result(id: &Value, result: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

pub(super) fn error(id: &Value, wrong: Wrong) -> Value {
    let (code, message) = wrong.code_and_text();
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        let request = |id: Value| Message::Request { id, method: "ping".to_owned(), params: Value::Null };
        let wrong = |id: Value| Message::Wrong(id, Wrong::Request);
        for (line, message) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, request(json!(1))),
            (r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#, request(json!("a"))),
            (
                r#"{"method":"x","params":{"a":1}}"#,
                Message::Notification { method: "x".to_owned(), params: json!({"a": 1}) },
            ),
            (r#"{"id":1,"result":{}}"#, Message::Nothing),
            ("  \r\n", Message::Nothing),
            (r#"{"id":1}"#, wrong(json!(1))),
            (r#"{"id":{},"method":"ping"}"#, wrong(Value::Null)),
        ] {
            assert_eq!(read(line.as_bytes()), message, "{line}");
        }
        assert!(matches!(read(b"{"), Message::Wrong(Value::Null, Wrong::Json(_))));
        for line in ["[]", "7", "null", r#"[{"id":1,"method":"ping"}]"#] {
            assert_eq!(read(line.as_bytes()), wrong(Value::Null), "{line}");
        }
    }

    #[test]
    fn a_line_has_a_bound() {
        let mut long = vec![b'x'; BYTES_MAX as usize + 1].leak() as &[u8];
        assert!(next_line(&mut long).is_err());
        let mut two: &[u8] = b"a\nb";
        assert_eq!(next_line(&mut two).unwrap().unwrap(), b"a\n");
        assert_eq!(next_line(&mut two).unwrap().unwrap(), b"b");
        assert_eq!(next_line(&mut two).unwrap(), None);
    }
}
