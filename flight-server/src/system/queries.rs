//! `maar.system.queries`: those that go on and the last of those that are over.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use maar_engine::datafusion::error::Result;
use maar_engine::datafusion::prelude::SessionConfig;

use super::viewer::Viewer;
use crate::queries::Query;

pub(super) fn schema() -> Schema {
    let column = |name: &str, data_type| Field::new(name, data_type, true);
    Schema::new(vec![
        column("query_id", DataType::Utf8),
        column("state", DataType::Utf8),
        column("user", DataType::Utf8),
        column("session", DataType::UInt64),
        column("query", DataType::Utf8),
        column("started", timestamp()),
        column("elapsed_seconds", DataType::Float64),
        column("planning_seconds", DataType::Float64),
        column("queued_seconds", DataType::Float64),
        column("running_seconds", DataType::Float64),
        column("rows", DataType::UInt64),
        column("bytes", DataType::UInt64),
        column("device", DataType::Utf8),
        column("error", DataType::Utf8),
        column("progress", DataType::Float64),
        column("trace_id", DataType::Utf8),
    ])
}

pub(super) fn rows(config: &SessionConfig, _: SchemaRef) -> Result<RecordBatch> {
    let viewer = Viewer::of(config)?;
    all(&viewer)
}

/// Those that somebody may see.
pub(crate) fn all(viewer: &Viewer) -> Result<RecordBatch> {
    let known: Vec<_> = viewer.server()?.registry.all().into_iter().filter(|query| viewer.sees(query)).collect();
    of(&known)
}

/// The rows of these.
pub(crate) fn of(known: &[Arc<Query>]) -> Result<RecordBatch> {
    let known: Vec<_> = known.iter().map(|query| (query, query.progress())).collect();
    let seconds = |time: fn(&crate::queries::Progress) -> Duration| -> ArrayRef {
        Arc::new(known.iter().map(|(_, progress)| Some(time(progress).as_secs_f64())).collect::<Float64Array>())
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(known.iter().map(|(query, _)| Some(query.id.as_str())).collect::<StringArray>()),
        Arc::new(known.iter().map(|(_, progress)| Some(progress.state.name())).collect::<StringArray>()),
        Arc::new(known.iter().map(|(query, _)| query.user.as_deref()).collect::<StringArray>()),
        Arc::new(known.iter().map(|(query, _)| Some(query.session)).collect::<UInt64Array>()),
        Arc::new(known.iter().map(|(query, _)| Some(query.sql.as_str())).collect::<StringArray>()),
        times(known.iter().map(|(query, _)| query.started)),
        Arc::new(known.iter().map(|(query, _)| Some(query.elapsed().as_secs_f64())).collect::<Float64Array>()),
        seconds(|progress| progress.planning),
        seconds(|progress| progress.queued),
        seconds(|progress| progress.running),
        Arc::new(known.iter().map(|(query, _)| Some(query.rows())).collect::<UInt64Array>()),
        Arc::new(known.iter().map(|(query, _)| Some(query.bytes())).collect::<UInt64Array>()),
        Arc::new(known.iter().map(|(_, progress)| progress.device.as_deref()).collect::<StringArray>()),
        Arc::new(known.iter().map(|(_, progress)| progress.error.as_deref()).collect::<StringArray>()),
        Arc::new(known.iter().map(|(query, _)| query.fraction()).collect::<Float64Array>()),
        Arc::new(known.iter().map(|(query, _)| query.trace.map(|id| id.to_string())).collect::<StringArray>()),
    ];
    Ok(RecordBatch::try_new(SchemaRef::new(schema()), columns)?)
}

/// The type of points in time.
pub(super) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

pub(super) fn times(times: impl Iterator<Item = SystemTime>) -> ArrayRef {
    let since = |time: SystemTime| i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok();
    Arc::new(times.map(since).collect::<TimestampMillisecondArray>().with_timezone("UTC"))
}
