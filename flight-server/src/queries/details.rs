//! What the engine says of a query, as a page of the dashboard wants it: the operators with what each did, the timeline, the memory.
//! Not here: what is known of a query from outside (`query`).

use std::sync::Arc;

use maar_engine::device::{PlanNode, TimelineReport};
use maar_engine::{Placement, QueryReport};
use serde_json::{Value, json};

use super::plan_text::shown;

/// Operators that are kept of a plan: enough for people, and a bound for the memory of those that are over.
const NODES_MAX: usize = 400;

/// JSON, kept as text: it is small so, and many are kept.
pub(super) fn written(report: &QueryReport) -> Arc<str> {
    let nodes: Vec<Value> = report.nodes.iter().take(NODES_MAX).map(node).collect();
    let details = json!({
        "device": report.device(),
        "ended": report.ended.to_string(),
        "plan_from_cache": report.plan_from_cache,
        "waited_ms": report.work.waited_ms,
        "nodes": nodes,
        "nodes_left_out": report.nodes.len().saturating_sub(NODES_MAX),
        "timeline": timeline(&report.timeline),
        "memory": {
            "device_bytes": report.memory.device_bytes,
            "pinned_bytes": report.memory.pinned_bytes,
            "host_bytes": report.memory.host_bytes,
        },
    });
    details.to_string().into()
}

fn node(node: &PlanNode) -> Value {
    let (place, reason) = match &node.place {
        None => ("check", None),
        Some(Placement::Device) => ("device", None),
        Some(Placement::Metadata) => ("metadata", None),
        Some(Placement::Movement) => ("movement", None),
        Some(Placement::Host { reason }) => ("host", Some(reason)),
    };
    let pipelines = node.work.iter().flat_map(|work| &work.pipelines);
    let pipelines: Vec<Value> = pipelines
        .map(|pipeline| {
            json!({
                "name": shown(&pipeline.name),
                "rows_in": pipeline.rows_in,
                "bytes": pipeline.bytes,
                "kernel_ms": pipeline.kernel_ms,
                "floor_ms": finite(pipeline.floor_ms()),
                "compile_ms": pipeline.compile_ms,
                "spilled_bytes": pipeline.written.bytes,
            })
        })
        .collect();
    json!({
        "depth": node.depth,
        "operator": shown(&node.operator),
        "stands_for": node.stands_for.iter().map(|operator| shown(operator)).collect::<Vec<_>>(),
        "place": place,
        "reason": reason.map(|reason| shown(reason)),
        "rows": node.rows,
        "bytes": node.bytes,
        "spilled_bytes": node.spilled_bytes,
        "ms": node.ms,
        "floor_ms": node.work.as_ref().and_then(|work| finite(work.floor_ms())),
        "load_ms": node.work.as_ref().map(|work| work.load_ms),
        "pipelines": pipelines,
    })
}

fn timeline(timeline: &TimelineReport) -> Value {
    let work = timeline.work.iter().map(|work| {
        json!({ "work": work.work.to_string(), "busy_ms": work.busy_ms, "bytes": work.bytes, "spans": work.spans })
    });
    json!({
        "elapsed_ms": timeline.elapsed_ms,
        "busy_ms": timeline.busy_ms,
        "overlap_ms": timeline.overlap_ms,
        "first_kernel_ms": timeline.first_kernel.map(|first| first.at_ms),
        "work": work.collect::<Vec<_>>(),
    })
}

/// A device whose bandwidth nobody knows has no floor.
fn finite(ms: f64) -> Option<f64> {
    ms.is_finite().then_some(ms)
}
