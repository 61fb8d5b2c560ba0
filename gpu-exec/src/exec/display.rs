//! How a device node shows itself: its pipelines as predicted before it runs, and as measured after.

use std::fmt;
use std::sync::Arc;

use datafusion::physical_plan::DisplayFormatType;
use datafusion::physical_plan::display::DisplayableExecutionPlan;

use super::way_back::Ran;
use crate::device::{DeviceInfo, DeviceKind};
use crate::ir::{FirstRows, JoinKind, JoinSide, Node};
use crate::planner::{Lowered, describe_keys};
use crate::report::{DeviceReport, Ended, PipelineReport};
use crate::scan::ParquetScan;

/// Writes a node: one line, and one more for each pipeline.
pub(super) fn write(
    f: &mut fmt::Formatter<'_>,
    format: DisplayFormatType,
    device: &DeviceInfo,
    (lowered, first): (&Lowered, Option<&FirstRows>),
    scans: &[Arc<ParquetScan>],
    ran: &Ran,
) -> fmt::Result {
    let kind = match device.kind {
        DeviceKind::Cuda => "cuda",
        DeviceKind::Emulated => "emulated",
    };
    if matches!(format, DisplayFormatType::TreeRender) {
        return writeln!(f, "device={kind}");
    }
    write!(f, "DeviceExec: device={kind}")?;
    if let Some(first) = first {
        let order = if first.descending { "DESC" } else { "ASC" };
        write!(f, ", first={} by {} {order}", first.rows, lowered.schema.field(first.column).name())?;
    }
    match ran {
        Ran::OnDevice(account) => write_measured(f, &account.report()),
        Ran::OnHost { reason, plan } => {
            write!(f, ", went back to the host: {reason}")?;
            let host = DisplayableExecutionPlan::with_metrics(plan.as_ref()).indent(false).to_string();
            host.lines().try_for_each(|line| write!(f, "\n      {line}"))
        }
        Ran::NotYet => {
            let mut pipelines = Vec::new();
            let last = sketch(&lowered.root, scans, &mut pipelines);
            pipelines.push(format!("{last} -> emit"));
            for (number, pipeline) in pipelines.iter().enumerate() {
                write!(f, "\n      pipeline {} (predicted): {pipeline}", number + 1)?;
            }
            Ok(())
        }
    }
}

fn write_measured(f: &mut fmt::Formatter<'_>, report: &DeviceReport) -> fmt::Result {
    if report.ended != Ended::Finished {
        write!(f, ", {}", report.ended)?;
    }
    write!(
        f,
        ", rows_out={}, load_ms={:.3}, strategy_ms={:.3}, compile_ms={:.3}, run_ms={:.3}",
        report.rows_out, report.load_ms, report.strategy_ms, report.compile_ms, report.run_ms
    )?;
    if report.waited_ms > 0.0 {
        write!(f, ", waited_ms={:.3}", report.waited_ms)?;
    }
    for load in &report.loads {
        write!(
            f,
            "\n      load: files={}, row_groups={}, pruned={}, columns_loaded={}, columns_resident={}, file_bytes={}, decode_ms={:.1}, upload_ms={:.1}",
            load.files,
            load.row_groups,
            load.row_groups_pruned,
            load.columns_loaded,
            load.columns_resident,
            load.file_bytes_read,
            load.decode_ms,
            load.upload_ms
        )?;
        let seldom = [("columns_raw", load.columns_raw), ("waves", load.waves), ("shape_misses", load.shape_misses)];
        for (name, count) in seldom {
            if count > 0 {
                write!(f, ", {name}={count}")?;
            }
        }
    }
    for (number, input) in report.inputs.iter().enumerate() {
        write!(f, "\n      input {}: {input}", number + 1)?;
    }
    for (number, pipeline) in report.pipelines.iter().enumerate() {
        write!(f, "\n      pipeline {}: {}", number + 1, Measured(pipeline))?;
    }
    Ok(())
}

struct Measured<'a>(&'a PipelineReport);

impl fmt::Display for Measured<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = self.0;
        write!(
            f,
            "{} rows={}, bytes={}, kernel_ms={:.3}, floor_ms={:.3}, {:.1} GB/s, code={}, compile_ms={:.1}",
            p.name,
            p.rows_in,
            p.bytes,
            p.kernel_ms,
            p.floor_ms(),
            p.gigabytes_per_second(),
            p.origin,
            p.compile_ms
        )?;
        for (name, count) in [("passes", p.passes), ("parts", p.parts)] {
            if count > 1 {
                write!(f, ", {name}={count}")?;
            }
        }
        let written = p.written;
        for (name, count) in
            [("spilled_rows", written.rows), ("spilled_bytes", written.bytes), ("disk_bytes", written.disk_bytes)]
        {
            if count > 0 {
                write!(f, ", {name}={count}")?;
            }
        }
        let sorted = p.sorted;
        if sorted.runs > 0 {
            write!(f, ", sorted_rows={}, sort_ms={:.3}", sorted.rows, sorted.kernel_ms)?;
        }
        if sorted.runs > 1 {
            write!(f, ", sorted_runs={}", sorted.runs)?;
        }
        Ok(())
    }
}

/// The open pipeline that yields a node's rows; pipelines that end on the way are pushed.
fn sketch(node: &Node, scans: &[Arc<ParquetScan>], pipelines: &mut Vec<String>) -> String {
    match node {
        Node::Scan { scan, fields } => {
            let files = scans.get(*scan).map_or(0, |scan| scan.files.len());
            let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
            format!("scan({files} files: {})", names.join(", "))
        }
        Node::Input { child, .. } => format!("upload(input {})", child + 1),
        Node::Filter { input, .. } => format!("{} -> filter", sketch(input, scans, pipelines)),
        Node::Project { input, .. } => format!("{} -> project", sketch(input, scans, pipelines)),
        Node::Join { kind, left, right, .. } => {
            let (build, probe) = if kind.kept() == Some(JoinSide::Left) { (right, left) } else { (left, right) };
            let build = sketch(build, scans, pipelines);
            let probe = sketch(probe, scans, pipelines);
            pipelines.push(format!("{build} -> build"));
            let matching = match kind {
                JoinKind::Inner => "",
                JoinKind::Semi { .. } => "semi ",
                JoinKind::Anti { .. } => "anti ",
                JoinKind::NotIn { .. } => "not in ",
                JoinKind::Outer { .. } => "outer ",
                JoinKind::Full => "full ",
                JoinKind::Mark { .. } => "mark ",
            };
            format!("{probe} -> {matching}probe {}", pipelines.len())
        }
        Node::Union { inputs, .. } => {
            let inputs: Vec<String> = inputs.iter().map(|input| sketch(input, scans, pipelines)).collect();
            format!("union({})", inputs.join("; "))
        }
        Node::Aggregate { input, keys, sets, calls, .. } => {
            let open = sketch(input, scans, pipelines);
            let sets = if sets.is_empty() { String::new() } else { format!("{} sets of ", sets.len()) };
            let distinct = match calls.iter().filter(|call| call.distinct).count() {
                0 => String::new(),
                some => format!(", {some} of distinct values"),
            };
            pipelines.push(format!("{open} -> aggregate({sets}{} keys, {} calls{distinct})", keys.len(), calls.len()));
            format!("groups {}", pipelines.len())
        }
        Node::Window { input, calls, .. } => {
            let rows = sketch(input, scans, pipelines);
            pipelines.push(format!("{rows} -> window({} functions)", calls.len()));
            format!("windows {}", pipelines.len())
        }
        Node::Sort { input, keys } => {
            let rows = sketch(input, scans, pipelines);
            format!("{rows} -> sort({})", describe_keys(keys, input.fields()))
        }
        Node::Limit { input, skip, fetch } => {
            let fetch = fetch.map_or("all".to_string(), |fetch| fetch.to_string());
            format!("{} -> limit(skip {skip}, fetch {fetch})", sketch(input, scans, pipelines))
        }
    }
}
