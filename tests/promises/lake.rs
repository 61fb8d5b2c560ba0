//! TPC-H in a folder, and a session of Maar on the emulated device over it.

use std::path::Path;

use arrow::array::RecordBatch;
use maar_engine::device::DeviceKind;
use maar_engine::{Error, QueryReport, Session};
use maar_gpu_exec::device::CodeOrigin;
use maar_tests::compare::{self, Order};
use maar_tests::session::{Answer, Oracle, Place, runtime};
use maar_tests::{skip, tpch};
use tempfile::TempDir;

const SCALE: f64 = 0.01;

/// A session, and the data it reads.
pub(crate) struct Lake {
    pub(crate) folder: TempDir,
    pub(crate) session: Session,
}

/// All rows of a query, and what ran for it.
pub(crate) struct Ran {
    pub(crate) answer: Answer,
    pub(crate) report: QueryReport,
}

/// Runs `check` on a machine that has the emulated device.
pub(crate) fn on_device(test: &str, check: impl AsyncFnOnce()) {
    match Place::Emulated.missing() {
        Some(reason) => skip::skipped("device", &format!("promises {test}"), &reason),
        None => runtime().unwrap().block_on(check()),
    }
}

/// The data, in a folder of its own.
pub(crate) fn data() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    tpch::create(folder.path(), SCALE).unwrap();
    folder
}

impl Lake {
    pub(crate) async fn open() -> Self {
        let folder = data();
        let session = Session::builder().device(DeviceKind::Emulated).target_partitions(2).build().unwrap();
        for statement in tpch::statements(folder.path()) {
            session.sql(&statement).await.unwrap();
        }
        Self { folder, session }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a query to its end.
    pub(crate) async fn try_run(&self, sql: &str) -> Result<Ran, Error> {
        let result = self.session.sql(sql).await?;
        let schema = result.schema();
        let (batches, report) = result.collect().await?;
        Ok(Ran { answer: Answer { schema, batches, pipelines: report.work.pipelines.len() }, report })
    }

    pub(crate) async fn run(&self, sql: &str) -> Ran {
        self.try_run(sql).await.unwrap_or_else(|error| panic!("{sql}: {}", error.render(sql)))
    }

    /// Fails unless plain DataFusion, that sees the files for the first time, gives the same rows.
    pub(crate) async fn same_as_oracle(&self, sql: &str, ran: &Ran) {
        let oracle = Oracle::open();
        for statement in tpch::statements(self.path()) {
            oracle.run(&statement).await.unwrap();
        }
        let expected = oracle.run(sql).await.unwrap();
        compare::same(&ran.answer, &expected, Order::None).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

impl Ran {
    pub(crate) fn batches(&self) -> &[RecordBatch] {
        &self.answer.batches
    }

    /// Pipelines whose code was not in memory.
    pub(crate) fn not_in_memory(&self) -> Vec<String> {
        let pipelines = self.report.work.pipelines.iter().filter(|pipeline| pipeline.origin != CodeOrigin::Memory);
        pipelines.map(|pipeline| format!("{} ({})\n{}", pipeline.name, pipeline.origin, pipeline.source)).collect()
    }

    pub(crate) fn file_bytes_read(&self) -> u64 {
        self.report.work.loads.iter().map(|load| load.file_bytes_read).sum()
    }

    pub(crate) fn columns_loaded(&self) -> u64 {
        self.report.work.loads.iter().map(|load| load.columns_loaded).sum()
    }
}
