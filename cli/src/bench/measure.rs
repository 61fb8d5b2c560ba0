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

use super::answers::{self, Answer};
use super::compare;
use super::data::TABLES;
use super::queries::TpchQuery;
use super::report::{HostOperator, KernelRun, QueryRow};
use crate::args::DeviceArg;
use crate::engine::Engine;
use crate::error::Failure;

/// The benchmark's two sides, ready to run.
pub(super) struct Bench {
    device: DeviceArg,
    folder: PathBuf,
    runs: u32,
    /// DataFusion as it comes: no rule of ours.
    plain: SessionContext,
    kept: BTreeMap<u8, Answer>,
}

/// One run of a query.
struct Run {
    batches: Vec<RecordBatch>,
    ms: f64,
    report: QueryReport,
}

impl Bench {
    pub(super) async fn open(device: DeviceArg, folder: PathBuf, scale: f64, runs: u32) -> Result<Self, Failure> {
        let plain = SessionContext::new();
        for table in &TABLES {
            let ddl = create_table(table.name, &folder);
            let frame = plain.sql(&ddl).await;
            frame.map_err(|error| {
                Failure::other(format!("DataFusion cannot read the data: {}", error.strip_backtrace()))
            })?;
        }
        let bench = Self { device, folder, runs, plain, kept: answers::kept(scale) };
        // A device that is missing is told now, once.
        bench.session().await?;
        Ok(bench)
    }

    /// A fresh session whose device is open.
    async fn session(&self) -> Result<Engine, Failure> {
        let engine = Engine::open(self.device)?;
        for table in &TABLES {
            run(&engine, &create_table(table.name, &self.folder)).await.map_err(Failure::other)?;
        }
        run(&engine, "SELECT 1").await.map_err(Failure::other)?;
        Ok(engine)
    }

    /// Measures one query. A query that fails is a row with its error.
    pub(super) async fn query(&self, query: &TpchQuery) -> Result<QueryRow, Failure> {
        let engine = self.session().await?;
        let mut row = QueryRow { query: query.number, ..QueryRow::default() };
        let measured = Box::pin(self.measure(&engine, query, &mut row)).await;
        if let Err(error) = measured {
            row.error = Some(error);
        }
        Ok(row)
    }

    async fn measure(&self, engine: &Engine, query: &TpchQuery, row: &mut QueryRow) -> Result<(), String> {
        let cold = run(engine, query.sql).await?;
        row.cold_ms = cold.ms;
        row.compile_ms = cold.report.work.compile_ms;
        row.compiled_pipelines = cold.report.work.compiled();
        row.rows = cold.batches.iter().map(RecordBatch::num_rows).sum();
        let mut hot = Vec::new();
        for _ in 0..self.runs {
            hot.push(run(engine, query.sql).await?);
        }
        let (cpu_ms, theirs) = self.plain(query).await?;
        row.cpu_ms = cpu_ms;
        // Every run is checked: a wrong answer may come only from what an earlier run left behind.
        let checked = std::iter::once(&cold).chain(&hot).try_for_each(|run| self.check(query, run, &theirs));
        row.error = checked.err();
        row.correct = row.error.is_none();
        hot.sort_by(|a, b| a.ms.total_cmp(&b.ms));
        if let Some(median) = hot.get(hot.len() / 2) {
            fill(row, median);
        }
        Ok(())
    }

    /// Plain DataFusion: the median of as many runs as Maar's, after one to warm up; and the answer.
    async fn plain(&self, query: &TpchQuery) -> Result<(f64, Vec<RecordBatch>), String> {
        let mut times = Vec::new();
        let mut answer = Vec::new();
        for at in 0..=self.runs {
            let started = Instant::now();
            let (context, sql) = (self.plain.clone(), query.sql);
            let task = tokio::spawn(async move { context.sql(sql).await?.collect().await });
            let result = task.await.map_err(|error| format!("DataFusion failed: {error}"))?;
            answer = result.map_err(|error| format!("DataFusion failed: {}", error.strip_backtrace()))?;
            if at > 0 {
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        times.sort_by(f64::total_cmp);
        Ok((times.get(times.len() / 2).copied().unwrap_or_default(), answer))
    }

    /// Against DataFusion always; where the scale's answers are kept, against these too.
    fn check(&self, query: &TpchQuery, run: &Run, theirs: &[RecordBatch]) -> Result<(), String> {
        let rows = |batches| compare::rows(batches).map_err(|error| format!("the answer cannot be read: {error}"));
        let ours = rows(&run.batches)?;
        compare::compare(ours.clone(), rows(theirs)?, query.order)
            .map_err(|difference| format!("differs from DataFusion: {difference}"))?;
        self.kept.get(&query.number).map_or(Ok(()), |kept| kept.check(ours))
    }
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
