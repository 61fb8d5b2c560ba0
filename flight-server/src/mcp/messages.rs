//! The messages of the protocol: JSON-RPC 2.0. What they ask for is not known here.

use serde_json::{Value, json};

/// What a client sent.
#[derive(Debug, PartialEq)]
pub enum Message {
    /// What is to be answered.
    Request {
        /// What the answer carries.
        id: Value,
        /// What is asked for.
        method: String,
        /// Its arguments.
        params: Value,
    },
    /// What is not answered.
    Notification {
        /// What is told.
        method: String,
        /// Its arguments.
        params: Value,
    },
    /// What has to be answered with an error.
    Wrong(Value, Wrong),
    /// An empty line, or an answer to what was never asked.
    Nothing,
}

/// Why a message is not answered as it wishes.
#[derive(Debug, PartialEq)]
pub enum Wrong {
    /// It is no JSON, for this reason.
    Json(String),
    /// It is no request.
    Request,
    /// There is no such method.
    Method(String),
    /// The arguments are not those of the method, for this reason.
    Params(String),
    /// More calls wait than are taken.
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

/// What `line` says.
pub fn read(line: &[u8]) -> Message {
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

/// The answer to a request.
pub fn result(id: &Value, result: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

/// The answer to what is wrong.
pub fn error(id: &Value, wrong: Wrong) -> Value {
    let (code, message) = wrong.code_and_text();
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

#[cfg(test)]
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
}
