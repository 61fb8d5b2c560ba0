//! What a server counts, in the text format of Prometheus. Numbers only: no SQL, no names of users.

use std::fmt::{Display, Write};
use std::time::UNIX_EPOCH;

use crate::common::Common;
use crate::queries::{PHASES, SECONDS, STATES};

/// A family of numbers under one name, or several of them.
struct Metrics(String);

impl Metrics {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<String> = labels.iter().map(|(name, text)| format!("{name}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.value(name, &[], value);
    }
}

/// All numbers as they are now.
pub(crate) fn written(common: &Common) -> String {
    let mut metrics = Metrics(String::new());
    queries(common, &mut metrics);
    times(common, &mut metrics);
    memory(common, &mut metrics);
    let sessions = common.sessions();
    metrics.one("maar_sessions", "gauge", "Sessions that are open.", sessions.len());
    let prepared: usize = sessions.iter().map(|session| session.prepared.len()).sum();
    metrics.one("maar_prepared_statements", "gauge", "Prepared statements that sessions keep.", prepared);
    metrics.one("maar_draining", "gauge", "1 once the server begins nothing more.", u8::from(common.is_draining()));
    let started = common.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    metrics.one("maar_start_time_seconds", "gauge", "When the server started, in seconds since 1970.", started);
    metrics.0
}

fn queries(common: &Common, metrics: &mut Metrics) {
    metrics.family("maar_queries", "gauge", "Queries that go on, by how far they are.");
    for (state, name) in STATES.iter().filter(|(state, _)| !state.is_over()) {
        metrics.value("maar_queries", &[("state", name)], common.registry.count(*state));
    }
    let counts = common.registry.counts();
    metrics.family("maar_queries_total", "counter", "Queries that are over, by what became of them.");
    for (status, count) in [("finished", counts.finished), ("failed", counts.failed), ("cancelled", counts.cancelled)] {
        metrics.value("maar_queries_total", &[("status", status)], count);
    }
    let refused = common.admission.refused();
    metrics.one("maar_refused_total", "counter", "Statements that got no place to run.", refused);
    metrics.one("maar_rows_total", "counter", "Rows that queries sent or changed.", counts.rows);
    metrics.one("maar_sent_bytes_total", "counter", "Bytes of rows that queries sent.", counts.bytes);
}

fn times(common: &Common, metrics: &mut Metrics) {
    let help = "Seconds that queries took to be planned, waited to run, and ran.";
    metrics.family("maar_query_seconds", "histogram", help);
    for (phase, times) in PHASES.iter().zip(common.registry.counts().times) {
        let mut below = 0;
        let ends = SECONDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        for (end, count) in ends.zip(times.classes) {
            below += count;
            metrics.value("maar_query_seconds_bucket", &[("phase", phase), ("le", &end)], below);
        }
        metrics.value("maar_query_seconds_sum", &[("phase", phase)], times.seconds);
        metrics.value("maar_query_seconds_count", &[("phase", phase)], below);
    }
}

fn memory(common: &Common, metrics: &mut Metrics) {
    let usage = common.base.usage();
    metrics.family("maar_host_memory_bytes", "gauge", "Host memory that queries hold, and the most that they may.");
    metrics.value("maar_host_memory_bytes", &[("kind", "used")], usage.host_bytes);
    if let Some(limit) = usage.host_limit_bytes {
        metrics.value("maar_host_memory_bytes", &[("kind", "limit")], limit);
    }
    let help = "Device memory that columns and queries hold, the most that this has been, and the most that it may be.";
    metrics.family("maar_device_memory_bytes", "gauge", help);
    for device in usage.devices {
        let kinds = [("used", device.used_bytes), ("peak", device.peak_bytes), ("limit", device.budget_bytes)];
        for (kind, bytes) in kinds {
            metrics.value("maar_device_memory_bytes", &[("device", &device.name), ("kind", kind)], bytes);
        }
    }
    if let Some(bytes) = resident_bytes() {
        metrics.one("process_resident_memory_bytes", "gauge", "Memory of the process.", bytes);
    }
}

/// Memory of this process; `None` where the system does not say.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}
