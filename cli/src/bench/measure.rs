//! Runs one query on Maar, cold and hot, and on plain DataFusion; compares the answers.
//!
//! Cold is the first run in a fresh session: the device is open, no column is resident, no code is loaded (compiled
//! code may come from the disk cache; files may be in the system's page cache). Hot is the median of the runs after.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionContext;
use maar_engine::{Error, Placement, QueryReport};

use super::answers::Answer;
use super::compare::{self, Rows};
use super::queries::Query;
use super::report::{HostOperator, KernelRun, QueryRow};
use crate::args::DeviceArg;
use crate::engine::Engine;
use crate::error::Failure;

/// What is run.
pub(super) struct Workload {
    pub(super) name: &'static str,
    /// Holds a folder of Parquet files for each of the tables.
    pub(super) folder: PathBuf,
    pub(super) tables: Vec<String>,
    /// Answers that are known, by query.
    pub(super) kept: BTreeMap<u8, Answer>,
}

/// The benchmark's two sides, ready to run.
pub(super) struct Bench {
    device: DeviceArg,
    workload: Workload,
    runs: u32,
    /// DataFusion as it comes: no rule of ours.
    plain: SessionContext,
}

/// One run of a query.
struct Run {
    batches: Vec<RecordBatch>,
    ms: f64,
    report: QueryReport,
}

impl Bench {
    pub(super) async fn open(device: DeviceArg, workload: Workload, runs: u32) -> Result<Self, Failure> {
        let plain = SessionContext::new();
        for table in &workload.tables {
            let ddl = create_table(table, &workload.folder);
            let frame = plain.sql(&ddl).await;
            frame.map_err(|error| {
                Failure::other(format!("DataFusion cannot read the data: {}", error.strip_backtrace()))
            })?;
        }
        let bench = Self { device, workload, runs, plain };
        // A device that is missing is told now, once.
        bench.session().await?;
        Ok(bench)
    }

    /// A fresh session whose device is open.
    async fn session(&self) -> Result<Engine, Failure> {
        let engine = Engine::open(self.device)?;
        for table in &self.workload.tables {
            run(&engine, &create_table(table, &self.workload.folder)).await.map_err(Failure::other)?;
        }
        run(&engine, "SELECT 1").await.map_err(Failure::other)?;
        Ok(engine)
    }

    /// Measures one query. A query that fails is a row with its error.
    pub(super) async fn query(&self, query: &Query) -> Result<QueryRow, Failure> {
        let engine = self.session().await?;
        let mut row = QueryRow { query: query.number, ..QueryRow::default() };
        let measured = Box::pin(self.measure(&engine, query, &mut row)).await;
        if let Err(error) = measured {
            row.error = Some(error);
        }
        Ok(row)
    }

    async fn measure(&self, engine: &Engine, query: &Query, row: &mut QueryRow) -> Result<(), String> {
        let cold = run(engine, &query.sql).await?;
        row.cold_ms = cold.ms;
        row.compile_ms = cold.report.work.compile_ms;
        row.compiled_pipelines = cold.report.work.compiled();
        row.rows = cold.batches.iter().map(RecordBatch::num_rows).sum();
        let mut hot = Vec::new();
        for _ in 0..self.runs {
            hot.push(run(engine, &query.sql).await?);
        }
        let (cpu_ms, theirs) = self.plain(query).await?;
        row.cpu_ms = cpu_ms;
        // Every run is checked: a wrong answer may come only from what an earlier run left behind.
        for run in std::iter::once(&cold).chain(&hot) {
            row.error = self.check(query, run, &theirs).await.err();
            if row.error.is_some() {
                break;
            }
        }
        row.correct = row.error.is_none();
        hot.sort_by(|a, b| a.ms.total_cmp(&b.ms));
        if let Some(median) = hot.get(hot.len() / 2) {
            fill(row, median);
        }
        Ok(())
    }

    /// Plain DataFusion: the median of as many runs as Maar's, after one to warm up; and the answer.
    async fn plain(&self, query: &Query) -> Result<(f64, Rows), String> {
        let mut times = Vec::new();
        let mut answer = Vec::new();
        for at in 0..=self.runs {
            let started = Instant::now();
            answer = self.theirs(query.sql.to_string()).await?;
            if at > 0 {
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        times.sort_by(f64::total_cmp);
        Ok((times.get(times.len() / 2).copied().unwrap_or_default(), rows(&answer)?))
    }

    /// What DataFusion answers.
    async fn theirs(&self, sql: String) -> Result<Vec<RecordBatch>, String> {
        let context = self.plain.clone();
        let task = tokio::spawn(async move { context.sql(&sql).await?.collect().await });
        let result = task.await.map_err(|error| format!("DataFusion failed: {error}"))?;
        result.map_err(|error| format!("DataFusion failed: {}", error.strip_backtrace()))
    }

    /// Against DataFusion always; where the scale's answers are kept, against these too.
    async fn check(&self, query: &Query, run: &Run, theirs: &Rows) -> Result<(), String> {
        let ours = rows(&run.batches)?;
        if let Err(difference) = compare::compare(ours.clone(), theirs.clone(), query.order) {
            let is_choice = ours.len() == theirs.len() && self.is_choice(query, &ours).await?;
            if !is_choice {
                return Err(format!("differs from DataFusion: {difference}"));
            }
        }
        self.workload.kept.get(&query.number).map_or(Ok(()), |kept| kept.check(ours))
    }

    /// Whether these are rows of the answer without its limit: where the order does not say which of them are the first, an
    /// answer has others of them.
    async fn is_choice(&self, query: &Query, ours: &Rows) -> Result<bool, String> {
        match query.without_limit() {
            Some(sql) => Ok(compare::is_part(ours.clone(), rows(&self.theirs(sql).await?)?)),
            None => Ok(false),
        }
    }
}

fn rows(batches: &[RecordBatch]) -> Result<Rows, String> {
    compare::rows(batches).map_err(|error| format!("the answer cannot be read: {error}"))
}

/// What a hot run says of a query.
fn fill(row: &mut QueryRow, run: &Run) {
    row.hot_ms = run.ms;
    let work = &run.report.work;
    row.device = run.report.device().to_owned();
    row.kernel_ms = work.kernel_ms();
    row.host_ms = (run.ms - row.kernel_ms).max(0.0);
    row.waits = work.waits;
    row.bytes = work.bytes();
    row.floor_ms = work.floor_ms();
    row.pipelines = work.pipelines.len();
    row.kernels = work.pipelines.iter().map(KernelRun::from).collect();
    for operator in &run.report.operators {
        match &operator.place {
            Placement::Device => row.device_operators += 1,
            Placement::Metadata | Placement::Movement => {}
            Placement::Host { reason } => {
                let host = HostOperator { operator: operator.operator.clone(), reason: reason.clone() };
                if !row.host_operators.contains(&host) {
                    row.host_operators.push(host);
                }
            }
        }
    }
}

pub(super) fn create_table(name: &str, folder: &std::path::Path) -> String {
    let path = folder.join(name).display().to_string().replace('\'', "''");
    format!("CREATE EXTERNAL TABLE {name} STORED AS PARQUET LOCATION '{path}/'")
}

/// Runs a statement to its end, on a worker thread as a server would.
async fn run(engine: &Engine, sql: &str) -> Result<Run, String> {
    let (engine, sql) = (engine.clone(), sql.to_owned());
    let task = tokio::spawn(async move {
        let started = Instant::now();
        let (batches, report) = engine.run(&sql).await?;
        let ms = started.elapsed().as_secs_f64() * 1e3;
        Ok(Run { batches, ms, report })
    });
    let result: Result<Run, Error> = task.await.map_err(|error| format!("the engine failed: {error}"))?;
    result.map_err(|error| error.message().to_owned())
}
