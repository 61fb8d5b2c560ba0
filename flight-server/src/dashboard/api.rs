//! What the pages show, as JSON: the rows of `maar.system.queries` and `maar.system.sessions` as they are, and the numbers of
//! `/metrics` in another form.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use arrow::array::RecordBatch;
use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use maar_engine::datafusion::error::DataFusionError;
use serde_json::{Value, json};
use tonic::Status;
use tonic::codegen::http::{Response, StatusCode};
use tonic::service::AxumBody;

use super::login::Asker;
use crate::http::Door;
use crate::http::answer::{self, JSON, written};
use crate::metrics::resident_bytes;
use crate::queries::STATES;
use crate::status::from_flight;
use crate::system;

type Answer = Result<Response<AxumBody>, Status>;

/// The server as a whole.
pub(super) fn overview(door: &Arc<Door>, asker: &Asker) -> Answer {
    let common = &door.common;
    let (usage, counts) = (common.base.usage(), common.registry.counts());
    let states = STATES.iter().filter(|(state, _)| !state.is_over());
    let states: serde_json::Map<String, Value> =
        states.map(|(state, name)| ((*name).to_owned(), common.registry.count(*state).into())).collect();
    let devices = usage.devices.iter().map(|device| {
        json!({
            "name": device.name,
            "used_bytes": device.used_bytes,
            "peak_bytes": device.peak_bytes,
            "budget_bytes": device.budget_bytes,
        })
    });
    let work = counts.work.iter().map(|work| {
        json!({ "work": work.work.to_string(), "busy_ms": work.busy_ms, "bytes": work.bytes, "spans": work.spans })
    });
    Ok(answer::json(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started": common.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        "uptime_seconds": common.started.elapsed().unwrap_or_default().as_secs_f64(),
        "is_draining": common.is_draining(),
        "user": asker.user,
        "role": asker.role.to_string(),
        "has_users": common.has_users,
        "sees_all": asker.viewer.sees_all(),
        "sessions": common.sessions().len(),
        "states": states,
        "finished": counts.finished,
        "failed": counts.failed,
        "cancelled": counts.cancelled,
        "refused": common.admission.refused(),
        "rows": counts.rows,
        "sent_bytes": counts.bytes,
        "work": work.collect::<Vec<_>>(),
        "devices": devices.collect::<Vec<_>>(),
        "host_bytes": usage.host_bytes,
        "host_limit_bytes": usage.host_limit_bytes,
        "disk_bytes": usage.disk_bytes,
        "process_bytes": resident_bytes(),
    })))
}

/// The queries that one may see.
pub(super) fn queries(asker: &Asker) -> Answer {
    rows(&system::queries::all(&asker.viewer).map_err(ended)?)
}

/// One of them, with what the engine says of it.
pub(super) fn query(asker: &Asker, id: &str) -> Answer {
    let query = asker.viewer.query(id).map_err(ended)?;
    let query = query.ok_or_else(|| Status::not_found(format!("there is no query '{id}' that you may see")))?;
    let row = system::queries::of(std::slice::from_ref(&query)).map_err(ended)?;
    let mut text = b"{\"query\":".to_vec();
    text.extend(as_json(&row)?);
    text.extend_from_slice(b",\"details\":");
    text.extend_from_slice(query.details().as_deref().unwrap_or("null").as_bytes());
    text.push(b'}');
    Ok(written(StatusCode::OK, JSON, text))
}

/// Tells it to end.
pub(super) fn cancel(asker: &Asker, id: &str) -> Answer {
    let became = system::kill(&asker.viewer, id).map_err(|error| Status::not_found(said(error)))?;
    Ok(answer::json(&json!({ "state": became })))
}

/// The sessions that one may see.
pub(super) fn sessions(asker: &Asker) -> Answer {
    rows(&system::sessions::all(&asker.viewer).map_err(ended)?)
}

fn rows(batch: &RecordBatch) -> Answer {
    Ok(written(StatusCode::OK, JSON, as_json(batch)?))
}

/// An array of objects.
fn as_json(batch: &RecordBatch) -> Result<Vec<u8>, Status> {
    if batch.num_rows() == 0 {
        return Ok(b"[]".to_vec());
    }
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    let done = writer.write(batch).and_then(|()| writer.finish());
    done.map_err(|error| from_flight(error.into()))?;
    Ok(writer.into_inner())
}

fn ended(error: DataFusionError) -> Status {
    Status::unavailable(said(error))
}

/// An error in its own words alone.
fn said(error: DataFusionError) -> String {
    match error {
        DataFusionError::Execution(message) | DataFusionError::Plan(message) => message,
        other => other.to_string(),
    }
}
