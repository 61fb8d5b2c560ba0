//! Runs a query on the device twice and on plain DataFusion, and judges.

use std::sync::Arc;
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionContext;
use maar_engine::{Error, OperatorPlacement, Placement, QueryReport};
use tempfile::TempDir;

use super::cases::{Case, Expect};
use super::report::{Check, Kind};
use super::tables::TABLES;
use crate::args::DeviceArg;
use crate::bench::compare;
use crate::engine::Engine;
use crate::error::Failure;

/// The name of the check that runs queries at once, and on how many tasks.
pub(super) const SIDE_BY_SIDE: &str = "queries side by side";
const TASKS: usize = 4;

/// Both sides, with the tables made.
pub(super) struct Queries {
    device: Engine,
    /// DataFusion as it comes: no rule of ours.
    plain: SessionContext,
    _folder: TempDir,
}

impl Queries {
    pub(super) async fn open(device: DeviceArg) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(|error| Failure::other(format!("cannot make a folder: {error}")))?;
        let queries = Self { device: Engine::open(device)?, plain: SessionContext::new(), _folder: folder };
        let folder = queries._folder.path();
        for table in TABLES {
            for copy in table.write(folder) {
                queries.plain(&copy).await.map_err(|error| Failure::other(format!("the tables: {error}")))?;
            }
            let create = table.create(folder);
            queries.plain(&create).await.map_err(Failure::other)?;
            queries.device.run(&create).await.map_err(|error| Failure::other(error.message()))?;
        }
        Ok(queries)
    }

    /// The verdict on one query.
    pub(super) async fn check(&self, case: &Case) -> Check {
        let started = Instant::now();
        let verdict = match case.expect {
            Expect::Answer { says } => self.answer(case.sql, says).await,
            Expect::Error(message) => self.error(case.sql, message).await,
        };
        Check::new(Kind::Query, case.name, verdict.err(), started)
    }

    async fn answer(&self, sql: &str, said: &[&str]) -> Result<(), String> {
        let (first, report) = self.device.run(sql).await.map_err(message)?;
        ran(&report, said)?;
        // From resident columns now, and with the code of the first run.
        let again = self.device.run(sql).await;
        let (second, again) = again.map_err(|error| format!("the second run: {}", error.message()))?;
        if again.work.compiled() > 0 {
            return Err(format!("the second run compiled {} pipelines anew", again.work.compiled()));
        }
        let theirs = self.plain(sql).await?;
        same(&first, &theirs)?;
        same(&second, &theirs).map_err(|difference| format!("the second run: {difference}"))
    }

    /// The same queries on several tasks at once, each in an order of its own: what one of them gives back while its
    /// kernels still run would be another's memory.
    pub(super) async fn side_by_side(&self, cases: &[&Case]) -> Check {
        let started = Instant::now();
        let verdict = self.all_at_once(cases).await;
        Check::new(Kind::Query, SIDE_BY_SIDE, verdict.err(), started)
    }

    async fn all_at_once(&self, cases: &[&Case]) -> Result<(), String> {
        let mut known = Vec::new();
        for case in cases.iter().filter(|case| matches!(case.expect, Expect::Answer { .. })) {
            known.push((case.name, case.sql, self.plain(case.sql).await?));
        }
        let known = Arc::new(known);
        let turns = |task: usize| {
            let (device, known) = (self.device.clone(), Arc::clone(&known));
            tokio::spawn(async move {
                for turn in 0..known.len() {
                    let (name, sql, theirs) = &known[(turn + task * known.len() / TASKS) % known.len()];
                    let ours = device.run(sql).await.map_err(|error| format!("{name}: {}", error.message()))?;
                    same(&ours.0, theirs).map_err(|difference| format!("{name}: {difference}"))?;
                }
                Ok::<(), String>(())
            })
        };
        let running: Vec<_> = (0..TASKS).map(turns).collect();
        let mut verdict = Ok(());
        for task in running {
            let ended = task.await.unwrap_or_else(|error| Err(format!("a task broke off: {error}")));
            verdict = verdict.and(ended);
        }
        verdict
    }

    /// Nothing may run on the host: the error has to come from the device.
    async fn error(&self, sql: &str, message: &str) -> Result<(), String> {
        let set = |value: bool| format!("SET maar.require_device = {value}");
        self.device.run(&set(true)).await.map_err(self::message)?;
        let outcome = self.device.run(sql).await;
        self.device.run(&set(false)).await.map_err(self::message)?;
        match outcome {
            Err(error) if error.message().contains(message) => Ok(()),
            Err(error) => Err(format!("another error: {}", error.message())),
            Ok((batches, _)) => Err(format!("{} rows instead of an error", rows(&batches))),
        }
    }

    async fn plain(&self, sql: &str) -> Result<Vec<RecordBatch>, String> {
        let failed = |error: datafusion::error::DataFusionError| format!("DataFusion: {}", error.strip_backtrace());
        self.plain.sql(sql).await.map_err(failed)?.collect().await.map_err(failed)
    }
}

/// That kernels ran, and that one of them says each of `said`.
fn ran(report: &QueryReport, said: &[&str]) -> Result<(), String> {
    if report.work.pipelines.is_empty() {
        let reason = |operator: &OperatorPlacement| match &operator.place {
            Placement::Host { reason } => Some(format!("{}: {reason}", operator.operator)),
            Placement::Device | Placement::Metadata | Placement::Movement => None,
        };
        let reasons: Vec<String> = report.operators.iter().filter_map(reason).collect();
        return Err(format!("no kernel ran. {}", reasons.join("; ")));
    }
    match said.iter().find(|part| !report.work.pipelines.iter().any(|ran| ran.source.contains(**part))) {
        None => Ok(()),
        Some(part) => Err(format!("no kernel has `{part}`: this case no longer tests what its name says")),
    }
}

fn same(ours: &[RecordBatch], theirs: &[RecordBatch]) -> Result<(), String> {
    let rows = |batches| compare::rows(batches).map_err(|error| format!("the answer cannot be read: {error}"));
    compare::compare(rows(ours)?, rows(theirs)?, &[])
        .map_err(|difference| format!("differs from DataFusion: {difference}"))
}

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

fn message(error: Error) -> String {
    error.message().to_owned()
}
