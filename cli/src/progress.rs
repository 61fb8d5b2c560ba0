//! The progress bar: on stderr, on a terminal, for work of more than two seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that ends sooner shows no bar.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the bar is drawn anew.
pub(crate) const TICK: Duration = Duration::from_millis(120);

/// The bar of one statement. Drawn by [`Progress::tick`] only, and gone when dropped.
pub(crate) struct Progress {
    enabled: bool,
    started: Instant,
    plan: Option<Arc<dyn ExecutionPlan>>,
    rows_out: usize,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(enabled: bool) -> Self {
        Self { enabled, started: Instant::now(), plan: None, rows_out: 0, bar: None }
    }

    /// The statement is planned; its scans tell how far it is.
    pub(crate) fn planned(&mut self, plan: Option<Arc<dyn ExecutionPlan>>) {
        self.plan = plan;
    }

    pub(crate) fn rows(&mut self, rows: usize) {
        self.rows_out += rows;
    }

    /// Takes the bar away for good: output comes to the same terminal.
    pub(crate) fn stop(&mut self) {
        self.enabled = false;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Draws the bar, once the work has lasted long enough.
    pub(crate) fn tick(&mut self) {
        if !self.enabled || self.started.elapsed() < PATIENCE {
            return;
        }
        let scanned = self.plan.as_ref().map(scanned).unwrap_or_default();
        let bar = self.bar.get_or_insert_with(|| {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_elapsed(self.started.elapsed())
        });
        let (template, length) = match scanned.rows_total.filter(|total| *total > 0) {
            Some(total) => ("{bar:30.cyan} {percent:>3}%  {elapsed}  {msg}", total as u64),
            None => ("{spinner:.cyan} {elapsed}  {msg}", 0),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        if length > 0 {
            bar.set_length(length);
        }
        bar.set_position((scanned.rows as u64).min(length));
        bar.set_message(message(&scanned, self.rows_out));
        bar.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop();
    }
}

fn message(scanned: &Scanned, rows_out: usize) -> String {
    let mut parts = Vec::new();
    if scanned.rows > 0 {
        parts.push(format!("{} rows read", HumanCount(scanned.rows as u64)));
    }
    if scanned.bytes > 0 {
        parts.push(HumanBytes(scanned.bytes as u64).to_string());
    }
    if rows_out > 0 {
        parts.push(format!("{} rows out", HumanCount(rows_out as u64)));
    }
    parts.push("Ctrl-C cancels".to_owned());
    parts.join(", ")
}

/// What the scans of a plan have done so far.
#[derive(Debug, Default)]
struct Scanned {
    rows: usize,
    /// Rows there are, where every scan knows it.
    rows_total: Option<usize>,
    bytes: usize,
}

fn scanned(plan: &Arc<dyn ExecutionPlan>) -> Scanned {
    let children = plan.children();
    if children.is_empty() {
        let metrics = plan.metrics();
        let sum =
            |name: &str| metrics.as_ref().and_then(|set| set.sum_by_name(name)).map_or(0, |value| value.as_usize());
        let rows = metrics.as_ref().and_then(|set| set.output_rows()).unwrap_or(0);
        let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new()).ok();
        let rows_total = statistics.and_then(|statistics| statistics.num_rows.get_value().copied());
        return Scanned { rows, rows_total, bytes: sum("bytes_scanned") };
    }
    let parts: Vec<Scanned> = children.into_iter().map(scanned).collect();
    Scanned {
        rows: parts.iter().map(|part| part.rows).sum(),
        rows_total: parts.iter().map(|part| part.rows_total).sum(),
        bytes: parts.iter().map(|part| part.bytes).sum(),
    }
}
