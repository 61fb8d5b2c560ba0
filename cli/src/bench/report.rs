//! The benchmark's findings: a table that grows while it runs, what fell back and why, and the JSON object.

use std::collections::BTreeMap;
use std::io::{self, Write};

use maar_engine::device::PipelineReport;
use serde::{Serialize, Serializer};

use crate::args::DeviceArg;
use crate::error::Failure;

/// All findings.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(skip)]
    name: &'static str,
    /// `cpu`, `emulated` or the GPU's name.
    device: String,
    scale: f64,
    pub(super) queries: Vec<QueryRow>,
}

/// An operator that ran on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct HostOperator {
    pub(super) operator: String,
    pub(super) reason: String,
}

/// What one pipeline took.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct KernelRun {
    name: String,
    /// Rows of its source, and bytes of them that it reads at least.
    rows: u64,
    bytes: u64,
    /// Time on the device.
    ms: f64,
    launches: u64,
}

impl From<&PipelineReport> for KernelRun {
    fn from(ran: &PipelineReport) -> Self {
        let PipelineReport { name, rows_in: rows, bytes, kernel_ms: ms, launches, .. } = ran.clone();
        Self { name, rows, bytes, ms, launches }
    }
}

/// The findings on one query. The JSON holds the public fields in this order. Times are milliseconds; those of kernels, bytes and floor are of the median hot run,
/// those of compiling of the cold run.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct QueryRow {
    pub(super) query: u8,
    pub(super) correct: bool,
    /// What is wrong with the answer, or why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    pub(super) rows: usize,
    /// Each once.
    pub(super) host_operators: Vec<HostOperator>,
    /// The name of the device that was used; `cpu` for none.
    #[serde(skip)]
    pub(super) device: String,
    #[serde(skip)]
    pub(super) device_operators: usize,
    #[serde(serialize_with = "microseconds")]
    pub(super) cold_ms: f64,
    #[serde(serialize_with = "microseconds")]
    pub(super) hot_ms: f64,
    #[serde(serialize_with = "microseconds")]
    pub(super) kernel_ms: f64,
    /// Time of the hot run outside kernels: parse, plan, place, launch, host operators, conversion.
    #[serde(serialize_with = "microseconds")]
    pub(super) host_ms: f64,
    /// How often the hot run waited for the device.
    pub(super) waits: u64,
    /// Plain DataFusion on the CPU, hot.
    #[serde(serialize_with = "microseconds")]
    pub(super) cpu_ms: f64,
    /// Bytes of device memory that the kernels must read.
    pub(super) bytes: u64,
    /// The time that the device's memory needs for these bytes.
    #[serde(serialize_with = "microseconds")]
    pub(super) floor_ms: f64,
    #[serde(serialize_with = "microseconds")]
    pub(super) compile_ms: f64,
    pub(super) compiled_pipelines: usize,
    pub(super) pipelines: usize,
    /// Of the median hot run: where its kernel time goes.
    pub(super) kernels: Vec<KernelRun>,
}

impl QueryRow {
    fn place(&self) -> &'static str {
        match (self.device_operators, self.host_operators.len()) {
            // It failed before it ran.
            (0, 0) => "-",
            (0, _) => "host",
            (_, 0) => "device",
            _ => "mixed",
        }
    }
}

/// Whole microseconds: more digits are noise.
fn microseconds<S: Serializer>(ms: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((ms * 1e3).round() / 1e3)
}

impl Report {
    pub(super) fn new(name: &'static str, device: DeviceArg, scale: f64) -> Self {
        Self { name, device: device.name().to_owned(), scale, queries: Vec::new() }
    }

    /// Adds a query. What `auto` and `cuda` stand for is known once one of them has used a device.
    pub(super) fn add(&mut self, row: QueryRow) {
        let used = ["auto", "cuda"].contains(&self.device.as_str()) && !row.device.is_empty() && row.device != "cpu";
        if used {
            self.device.clone_from(&row.device);
        }
        self.queries.push(row);
    }

    /// All queries have run: an `auto` that used no device was the CPU.
    pub(super) fn finish(&mut self) {
        if self.device == "auto" {
            self.device = "cpu".to_owned();
        }
    }

    /// The one JSON object of the run.
    pub(super) fn json(&self) -> Result<String, Failure> {
        let object = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::other(format!("cannot write JSON: {error}")))?;
        Ok(object + "\n")
    }

    /// The queries without a right answer.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.queries.iter().filter(|row| !row.correct).map(|row| format!("Q{}", row.query)).collect()
    }

    fn sum(&self, value: fn(&QueryRow) -> f64) -> f64 {
        self.queries.iter().map(value).sum()
    }
}

/// One column of the table: title, width, text of a row.
struct Column {
    title: &'static str,
    width: usize,
    text: fn(&QueryRow) -> String,
    /// The sum for the last line, where it means something.
    total: Option<fn(&QueryRow) -> f64>,
}

const COLUMNS: &[Column] = &[
    Column { title: "query", width: 5, text: |row| format!("Q{}", row.query), total: None },
    Column { title: "where", width: 6, text: |row| row.place().to_owned(), total: None },
    Column { title: "rows", width: 8, text: |row| row.rows.to_string(), total: None },
    Column { title: "cold ms", width: 9, text: |row| ms(row.cold_ms), total: Some(|row| row.cold_ms) },
    Column { title: "hot ms", width: 9, text: |row| ms(row.hot_ms), total: Some(|row| row.hot_ms) },
    Column { title: "CPU DataFusion ms", width: 17, text: |row| ms(row.cpu_ms), total: Some(|row| row.cpu_ms) },
    Column {
        title: "kernel ms",
        width: 9,
        text: |row| on_device(row, ms(row.kernel_ms)),
        total: Some(|row| row.kernel_ms),
    },
    Column { title: "host ms", width: 9, text: |row| ms(row.host_ms), total: Some(|row| row.host_ms) },
    Column { title: "bytes", width: 9, text: |row| on_device(row, bytes(row.bytes)), total: None },
    Column {
        title: "floor ms",
        width: 8,
        text: |row| on_device(row, ms(row.floor_ms)),
        total: Some(|row| row.floor_ms),
    },
    Column {
        title: "compile ms",
        width: 10,
        text: |row| on_device(row, ms(row.compile_ms)),
        total: Some(|row| row.compile_ms),
    },
    Column { title: "check", width: 5, text: |row| (if row.correct { "ok" } else { "WRONG" }).to_owned(), total: None },
];

fn on_device(row: &QueryRow, text: String) -> String {
    if row.pipelines == 0 { "-".to_owned() } else { text }
}

fn ms(value: f64) -> String {
    match value {
        value if value > 0.0 && value < 0.1 => format!("{value:.4}"),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 1000.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

fn bytes(value: u64) -> String {
    indicatif::HumanBytes(value).to_string()
}

/// Writes the table to stdout as the rows come.
pub(super) struct Table {
    runs: u32,
}

impl Table {
    pub(super) fn new(runs: u32) -> Self {
        Self { runs }
    }

    pub(super) fn header(&self, report: &Report) -> Result<(), Failure> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let runs = self.runs;
        let Report { name, device, scale, .. } = report;
        let title = format!("{name} at scale {scale}, device {device}, {cores} cores; hot: median of {runs}");
        let titles = line(COLUMNS.iter().map(|column| column.title.to_owned()));
        print(&format!("{title}\n\n{titles}\n{}\n", "─".repeat(titles.chars().count())))
    }

    pub(super) fn row(&self, row: &QueryRow) -> Result<(), Failure> {
        let mut text = line(COLUMNS.iter().map(|column| (column.text)(row)));
        if let Some(error) = &row.error {
            text.push_str(&format!("\n      Q{}: {error}", row.query));
        }
        print(&format!("{text}\n"))
    }

    /// Totals, and what ran on the host and why.
    pub(super) fn footer(&self, report: &Report) -> Result<(), Failure> {
        let any_device = report.queries.iter().any(|row| row.pipelines > 0);
        let total = |column: &Column| match column.total {
            _ if column.title == "query" => "all".to_owned(),
            Some(_) if !any_device && ["kernel ms", "floor ms", "compile ms"].contains(&column.title) => "-".to_owned(),
            Some(value) => ms(report.sum(value)),
            None => String::new(),
        };
        let totals = line(COLUMNS.iter().map(total));
        let right = report.queries.len() - report.wrong().len();
        let mut text = format!(
            "{}\n{totals}\n\n{right} of {} answers right.\n",
            "─".repeat(totals.chars().count()),
            report.queries.len()
        );
        text.push_str(&fallbacks(report));
        print(&text)
    }
}

/// What ran on the host, by reason; one line where all of it did for one reason.
fn fallbacks(report: &Report) -> String {
    let mut by_reason: BTreeMap<&str, BTreeMap<&str, Vec<u8>>> = BTreeMap::new();
    for row in &report.queries {
        for HostOperator { operator, reason } in &row.host_operators {
            let name = operator.split(':').next().unwrap_or(operator);
            let queries = by_reason.entry(reason).or_default().entry(name).or_default();
            if !queries.contains(&row.query) {
                queries.push(row.query);
            }
        }
    }
    let nothing_on_device = report.queries.iter().all(|row| row.device_operators == 0);
    if let (true, 1, Some((reason, _))) = (nothing_on_device, by_reason.len(), by_reason.first_key_value()) {
        return format!("Everything ran on the host: {reason}\n");
    }
    let mut text = String::new();
    for (reason, operators) in &by_reason {
        text.push_str(&format!("On the host: {reason}\n"));
        for (operator, queries) in operators {
            let all = queries.len() == report.queries.len() && queries.len() > 3;
            let list = queries.iter().map(|query| format!("Q{query}")).collect::<Vec<_>>().join(" ");
            text.push_str(&format!("  {operator}: {}\n", if all { "all queries" } else { &list }));
        }
    }
    text
}

fn line(texts: impl Iterator<Item = String>) -> String {
    let cell = |(text, column): (String, &Column)| format!("{text:>width$}", width = column.width);
    texts.zip(COLUMNS).map(cell).collect::<Vec<_>>().join("  ")
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
