//! The outcomes of the checks: a line each as they come, and JSON.

use std::io::{self, Write};
use std::time::Instant;

use serde::Serialize;

use crate::device::Described;
use crate::error::Failure;

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A primitive of the device layer.
    Device,
    /// A query, against plain DataFusion.
    Query,
}

/// One outcome.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    kind: Kind,
    name: &'static str,
    ok: bool,
    /// From its start to its verdict; compiling and, for queries, the CPU's turn included.
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Check {
    pub(super) fn new(kind: Kind, name: &'static str, error: Option<String>, started: Instant) -> Self {
        Self { kind, name, ok: error.is_none(), ms: started.elapsed().as_secs_f64() * 1e3, error }
    }
}

/// All outcomes. Its JSON is the file that `--json` names.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    device: Described,
    passed: usize,
    /// What was to run: where checks are missing, the first of them did not come back.
    planned: Vec<&'static str>,
    checks: Vec<Check>,
}

impl Report {
    /// Begins with a line about the device.
    pub(super) fn new(device: Described, planned: Vec<&'static str>) -> Result<Self, Failure> {
        print(&format!("{}\n\n", device.line()))?;
        Ok(Self { device, passed: 0, planned, checks: Vec::new() })
    }

    /// Keeps an outcome and writes its line.
    pub(super) fn add(&mut self, check: Check) -> Result<(), Failure> {
        let verdict = if check.ok { "ok    " } else { "FAILED" };
        let error = check.error.as_ref().map(|error| format!("\n       {error}")).unwrap_or_default();
        self.passed += usize::from(check.ok);
        let text = format!("{verdict} {:>9.1} ms  {}{error}\n", check.ms, check.name);
        self.checks.push(check);
        print(&text)
    }

    pub(super) fn finish(&self) -> Result<(), Failure> {
        print(&format!("\n{} of {} checks passed.\n", self.passed, self.checks.len()))
    }

    /// Names of those that failed.
    pub(super) fn failed(&self) -> Vec<&'static str> {
        self.checks.iter().filter(|check| !check.ok).map(|check| check.name).collect()
    }

    pub(super) fn json(&self) -> Result<String, Failure> {
        let text = serde_json::to_string_pretty(self).map_err(Failure::other)?;
        Ok(format!("{text}\n"))
    }
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
