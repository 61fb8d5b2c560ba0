//! The Model Context Protocol: tools for a language model, which read and change nothing. Here is what the protocol says and what the
//! tools are, for whoever carries the messages: `maar mcp` over stdin and stdout, this server over HTTP (`http`).

mod answer;
mod http;
mod messages;
mod tools;

use serde_json::{Value, json};

pub use answer::Rows;
pub(crate) use http::answer as answer_http;
pub use messages::{Message, Wrong, error, read, result};
pub use tools::{Call, call, list};

/// Versions of the protocol that are the same as far as this server goes, the newest first.
const VERSIONS: &[&str] = &["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

const INSTRUCTIONS: &str = "SQL over the tables of this server, read only. list_tables says which there are, describe_table what a \
    table has, query runs one statement of SQL (DataFusion's dialect, close to PostgreSQL's). Answers have a bound of rows: aggregate, \
    filter and LIMIT in SQL instead of reading everything.";

/// What a tool gives: rows as JSON, or why there are none.
pub type Outcome = Result<String, String>;

/// The answer to `initialize`: the client's version of the protocol where it is known.
pub fn greeting(params: &Value) -> Value {
    let asked = params["protocolVersion"].as_str().unwrap_or_default();
    let version = VERSIONS.iter().find(|known| **known == asked).unwrap_or(&VERSIONS[0]);
    json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "maar", "title": "Maar", "version": env!("CARGO_PKG_VERSION") },
        "instructions": INSTRUCTIONS,
    })
}

/// An error of SQL is an answer too: the model reads it and writes better SQL.
pub fn content(outcome: Outcome) -> Value {
    let is_error = outcome.is_err();
    let text = outcome.unwrap_or_else(|error| error);
    json!({ "content": [{ "type": "text", "text": text }], "isError": is_error })
}
