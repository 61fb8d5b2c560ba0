//! What was measured, as a table while it comes and as JSON.

use std::io::{self, Write};

use maar_engine::device::bare::bench::{Measurement, Outcome, Scale};
use serde::Serialize;

use crate::device::Described;
use crate::error::Failure;

/// Everything that was measured. Its JSON is the file that `--json` names.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    device: Option<Described>,
    /// Whether sizes were those of a test: then the numbers mean little.
    quick: bool,
    measurements: Vec<Row>,
}

/// One measurement, or why there is none.
#[derive(Clone, Debug, Serialize)]
struct Row {
    group: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    numbers: Option<Numbers>,
}

#[derive(Clone, Debug, Serialize)]
struct Numbers {
    /// Moved by one run.
    bytes: u64,
    /// Of one run: rows, reads, adds, launches, compilations.
    operations: u64,
    /// Median of the runs.
    ms: f64,
    least_ms: f64,
    runs: u32,
    /// `device`: marks in the stream; `host`: the caller's clock, waiting included.
    clock: String,
    gb_per_s: Option<f64>,
    /// Billions of operations a second.
    g_per_s: Option<f64>,
    us_each: f64,
}

impl Report {
    pub(super) fn new(scale: Scale) -> Self {
        Self { device: None, quick: scale == Scale::Quick, measurements: Vec::new() }
    }

    /// Writes the head of the table, once.
    pub(super) fn header(&mut self, device: Described) -> Result<(), Failure> {
        if self.device.is_some() {
            return Ok(());
        }
        let quick = if self.quick { "Quick: sizes of a test, the numbers mean little.\n" } else { "" };
        let titles = line("benchmark", "", ["ms", "GB/s", "G/s", "us each", "clock"].map(str::to_owned));
        let text = format!("{}\n{quick}\n{titles}\n{}\n", device.line(), "─".repeat(titles.chars().count()));
        self.device = Some(device);
        print(&text)
    }

    /// Keeps an outcome and writes its line.
    pub(super) fn add(&mut self, outcome: Outcome) -> Result<(), Failure> {
        let Outcome { group, name, result } = outcome;
        let row = match result {
            Ok(found) => Row { group, name, error: None, numbers: Some(Numbers::of(&found)) },
            Err(error) => Row { group, name, error: Some(error.to_string()), numbers: None },
        };
        let text = match &row.numbers {
            Some(numbers) => line(row.group, &row.name, numbers.cells()),
            None => format!("{:<16} {}: FAILED: {}", row.group, row.name, row.error.as_deref().unwrap_or_default()),
        };
        self.measurements.push(row);
        print(&format!("{text}\n"))
    }

    /// Keeps a measurement that could not be made, and writes its line.
    pub(super) fn add_failure(&mut self, group: &'static str, name: &str, error: String) -> Result<(), Failure> {
        let text = format!("{group:<16} {name}: FAILED: {error}\n");
        self.measurements.push(Row { group, name: name.to_owned(), error: Some(error), numbers: None });
        print(&text)
    }

    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        let (all, failed) = (self.measurements.len(), self.failed());
        print(&format!("\n{} of {all} measured; medians, after a warm-up.\n", all - failed))
    }

    pub(super) fn failed(&self) -> usize {
        self.measurements.iter().filter(|row| row.error.is_some()).count()
    }

    pub(super) fn json(&self) -> Result<String, Failure> {
        let text = serde_json::to_string_pretty(self).map_err(Failure::other)?;
        Ok(format!("{text}\n"))
    }
}

impl Numbers {
    fn of(found: &Measurement) -> Self {
        Self {
            bytes: found.bytes,
            operations: found.operations,
            ms: found.ms,
            least_ms: found.least_ms,
            runs: found.runs,
            clock: found.clock.to_string(),
            gb_per_s: found.gigabytes_per_second(),
            g_per_s: found.giga_operations_per_second(),
            us_each: found.microseconds_each(),
        }
    }

    fn cells(&self) -> [String; 5] {
        let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), number);
        // A rate of few long operations says nothing, nor does the time of one of billions.
        let many = self.operations > 10_000;
        [
            number(self.ms),
            rate(self.gb_per_s),
            rate(self.g_per_s.filter(|_| many)),
            rate((!many).then_some(self.us_each)),
            self.clock.clone(),
        ]
    }
}

fn number(value: f64) -> String {
    match value {
        value if value < 0.1 => format!("{value:.4}"),
        value if value < 100.0 => format!("{value:.2}"),
        value => format!("{value:.0}"),
    }
}

fn line(group: &str, name: &str, cells: [String; 5]) -> String {
    let [ms, gigabytes, operations, each, clock] = cells;
    format!("{group:<16} {name:<40} {ms:>9} {gigabytes:>9} {operations:>9} {each:>11}  {clock}")
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use maar_engine::device::bare::bench::Clock;

    use super::*;

    #[test]
    fn json_is_flat_and_keeps_failures() {
        let mut report = Report::new(Scale::Quick);
        let found = Measurement {
            bytes: 4_000_000,
            operations: 1_000_000,
            ms: 2.0,
            least_ms: 1.0,
            runs: 7,
            clock: Clock::Device,
        };
        let outcome = |name: &str, result| Outcome { group: "copy", name: name.to_owned(), result };
        report.add(outcome("a", Ok(found))).unwrap();
        let error = maar_engine::device::bare::bench::Error::Query("no".to_owned());
        report.add(outcome("b", Err(error))).unwrap();
        let object: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        let rows = object["measurements"].as_array().unwrap();
        assert_eq!((rows[0]["gb_per_s"].as_f64(), rows[0]["clock"].as_str()), (Some(2.0), Some("device")));
        assert_eq!((rows[1]["error"].as_str(), rows[1].get("ms")), (Some("no"), None));
        assert_eq!(report.failed(), 1);
    }
}
