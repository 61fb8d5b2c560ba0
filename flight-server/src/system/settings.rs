//! `maar.system.settings`: the options of the session and of the process, and the limits of the server, with who sets each.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use maar_engine::datafusion::error::Result;
use maar_engine::datafusion::prelude::SessionConfig;
use maar_engine::{is_of_the_process, is_secret};

use super::viewer::Viewer;
use crate::limits::Limits;

struct Setting {
    name: String,
    value: Option<String>,
    scope: Scope,
    description: &'static str,
}

/// Whose a setting is.
#[derive(Clone, Copy)]
enum Scope {
    Session,
    Process,
    Start,
}

impl Scope {
    /// What it is called, and who sets it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Session => ("session", "SET, by everyone for his own session"),
            Self::Process => ("server", "SET, by a user with the role admin; maar serve --set"),
            Self::Start => ("server", "the command line of the server"),
        }
    }
}

pub(super) fn schema() -> Schema {
    let column = |name: &str| Field::new(name, DataType::Utf8, true);
    Schema::new(["name", "value", "scope", "set_by", "description"].map(column).to_vec())
}

pub(super) fn rows(config: &SessionConfig, schema: SchemaRef) -> Result<RecordBatch> {
    let server = Viewer::of(config)?.server()?;
    let mut all: Vec<Setting> = Vec::new();
    for entry in config.options().entries() {
        let scope = if is_of_the_process(&entry.key) { Scope::Process } else { Scope::Session };
        let value = entry.value.map(|value| if is_secret(&entry.key) { "***".to_owned() } else { value });
        all.push(Setting { name: entry.key, value, scope, description: entry.description });
    }
    for (name, value, description) in limits(&server.limits) {
        let name = format!("maar.server.{name}");
        all.push(Setting { name, value: Some(value), scope: Scope::Start, description });
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let text = |of: fn(&Setting) -> Option<&str>| -> ArrayRef { Arc::new(all.iter().map(of).collect::<StringArray>()) };
    let columns = vec![
        text(|setting| Some(&setting.name)),
        text(|setting| setting.value.as_deref()),
        text(|setting| Some(setting.scope.words().0)),
        text(|setting| Some(setting.scope.words().1)),
        text(|setting| Some(setting.description)),
    ];
    Ok(RecordBatch::try_new(schema, columns)?)
}

fn limits(limits: &Limits) -> Vec<(&'static str, String, &'static str)> {
    let seconds = |time: std::time::Duration| format!("{} s", time.as_secs_f64());
    vec![
        ("max_sessions", limits.sessions.to_string(), "Sessions at once"),
        ("max_sessions_per_user", limits.sessions_per_user.to_string(), "Sessions of one user at once"),
        ("idle_timeout", seconds(limits.idle), "How long a session is kept that nobody uses"),
        ("max_running", limits.running.to_string(), "Statements that run at once"),
        ("max_running_per_user", limits.running_per_user.to_string(), "Statements of one user that run at once"),
        (
            "max_running_per_session",
            limits.running_per_session.to_string(),
            "Statements of one session that run at once",
        ),
        ("max_queued", limits.queued.to_string(), "Statements that wait to run"),
        ("queue_timeout", seconds(limits.queue_wait), "How long a statement waits to run"),
        ("max_prepared", limits.prepared.to_string(), "Prepared statements of a session"),
        ("max_message_bytes", limits.message_bytes.to_string(), "Bytes of a message, but those of rows"),
        ("max_batch_bytes", limits.batch_bytes.to_string(), "Bytes of a batch of rows that a client sends"),
        ("max_header_bytes", limits.header_bytes.to_string(), "Bytes of the headers of a call"),
    ]
}
