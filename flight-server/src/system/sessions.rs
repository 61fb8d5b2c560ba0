//! `maar.system.sessions`: the sessions that there are.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use maar_engine::datafusion::error::Result;
use maar_engine::datafusion::prelude::SessionConfig;

use super::queries::{times, timestamp};
use super::viewer::Viewer;
use crate::session::ClientSession;

pub(super) fn schema() -> Schema {
    let column = |name: &str, data_type| Field::new(name, data_type, true);
    Schema::new(vec![
        column("session", DataType::UInt64),
        column("user", DataType::Utf8),
        column("role", DataType::Utf8),
        column("is_own", DataType::Boolean),
        column("opened", timestamp()),
        column("idle_seconds", DataType::Float64),
        column("running", DataType::UInt64),
        column("prepared_statements", DataType::UInt64),
        column("waiting_statements", DataType::UInt64),
    ])
}

pub(super) fn rows(config: &SessionConfig, _: SchemaRef) -> Result<RecordBatch> {
    let viewer = Viewer::of(config)?;
    all(&viewer)
}

/// Those that somebody may see.
pub(crate) fn all(viewer: &Viewer) -> Result<RecordBatch> {
    let server = viewer.server()?;
    let sessions: Vec<_> = server.sessions().into_iter().filter(|session| viewer.sees_session(session)).collect();
    let active: Vec<u64> = sessions.iter().map(|session| server.registry.active_of(session.number) as u64).collect();
    // One that does something is not idle, however long that takes.
    let idle = sessions.iter().zip(&active).map(|(session, active)| match active {
        0 => Some(session.idle().as_secs_f64()),
        _ => Some(0.0),
    });
    let numbers = |number: fn(&ClientSession) -> u64| -> ArrayRef {
        Arc::new(sessions.iter().map(|session| Some(number(session))).collect::<UInt64Array>())
    };
    let columns: Vec<ArrayRef> = vec![
        numbers(|session| session.number),
        Arc::new(sessions.iter().map(|session| session.owner.user.as_deref()).collect::<StringArray>()),
        Arc::new(sessions.iter().map(|session| Some(session.owner.role.to_string())).collect::<StringArray>()),
        Arc::new(sessions.iter().map(|session| Some(viewer.is_own(session))).collect::<BooleanArray>()),
        times(sessions.iter().map(|session| session.opened)),
        Arc::new(idle.collect::<Float64Array>()),
        Arc::new(UInt64Array::from(active.clone())),
        numbers(|session| session.prepared.len() as u64),
        numbers(|session| session.statements.len() as u64),
    ];
    Ok(RecordBatch::try_new(SchemaRef::new(schema()), columns)?)
}
