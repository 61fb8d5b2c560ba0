//! A session on one device, for tests: SQL in, an answer out. The one file that knows how Maar is embedded.

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use maar_engine::device::DeviceKind;
use maar_engine::{QueryReport, Session};
use tokio::runtime::{Builder, Runtime};

use crate::Result;

/// Partitions of every session here, so that plans are alike on every machine.
const PARTITIONS: usize = 2;

/// Names the device memory of every session here, where another than usual is wanted: tests of answers hold with any.
const DEVICE_MEMORY: &str = "MAAR_TEST_DEVICE_MEMORY";

/// Where the queries of a test run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// DataFusion on the CPU, with Maar's rules.
    Cpu,
    /// Device code, compiled by the host's C++ compiler.
    Emulated,
}

impl Place {
    /// The name in tests and labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Emulated => "emulated",
        }
    }

    fn device(self) -> DeviceKind {
        match self {
            Self::Cpu => DeviceKind::Cpu,
            Self::Emulated => DeviceKind::Emulated,
        }
    }

    /// Why no query can run there on this machine; `None` where one can. Found out once, by running one.
    pub fn missing(self) -> Option<String> {
        static EMULATED: OnceLock<Option<String>> = OnceLock::new();
        match self {
            Self::Cpu => None,
            Self::Emulated => EMULATED.get_or_init(|| try_out(self).err().map(|error| error.to_string())).clone(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Opens the device. Errors of queries are not for here: the tests are to find them.
fn try_out(place: Place) -> Result<()> {
    let session = TestSession::open(place)?;
    runtime()?.block_on(session.run("SELECT 1")).map(|_| ())
}

/// A session of Maar.
pub struct TestSession {
    session: Session,
}

/// All rows of one statement.
#[derive(Clone, Debug)]
pub struct Answer {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    /// Device pipelines that ran for it.
    pub pipelines: usize,
}

impl Answer {
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

impl TestSession {
    /// Opens a session at `place`.
    ///
    /// # Errors
    /// Where the spill folder cannot be made.
    pub fn open(place: Place) -> Result<Self> {
        Self::open_with(place, std::env::var(DEVICE_MEMORY).ok().as_deref())
    }

    /// The same with so much device memory, `64MB`.
    ///
    /// # Errors
    /// As for [`Self::open`], and where that is no size.
    pub fn open_with(place: Place, device_memory: Option<&str>) -> Result<Self> {
        let mut builder = Session::builder().device(place.device()).target_partitions(PARTITIONS);
        if let Some(memory) = device_memory {
            builder = builder.option("maar.device_memory", memory);
        }
        Ok(Self { session: builder.build()? })
    }

    /// Plans and runs one statement to its end.
    ///
    /// # Errors
    /// As a user sees them: with the line, the caret and the hint.
    pub async fn run(&self, sql: &str) -> Result<Answer> {
        Ok(self.attempt(sql).await.map_err(|error| error.render(sql))?)
    }

    /// The same, with the kind of an error.
    ///
    /// # Errors
    /// As the engine gives them.
    pub async fn attempt(&self, sql: &str) -> std::result::Result<Answer, maar_engine::Error> {
        let result = self.session.sql(sql).await?;
        let schema = result.schema();
        let (batches, report) = result.collect().await?;
        Ok(Answer { schema, batches, pipelines: pipelines(&report) })
    }

    /// Makes `batches` known as a table in memory, in the place of one of that name.
    ///
    /// # Errors
    /// Where the batches do not fit the schema.
    pub fn register(&self, name: &str, schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<()> {
        let table = MemTable::try_new(schema, vec![batches])?;
        let context = self.session.context();
        context.deregister_table(name)?;
        context.register_table(name, Arc::new(table))?;
        Ok(())
    }
}

fn pipelines(report: &QueryReport) -> usize {
    report.work.pipelines.len()
}

/// Plain DataFusion, with none of Maar's rules: the oracle.
pub struct Oracle {
    context: SessionContext,
}

impl Oracle {
    pub fn open() -> Self {
        let mut config = SessionConfig::new().with_information_schema(true).with_target_partitions(PARTITIONS);
        // The one thing of DataFusion that is known to be wrong: it loses rows of `max(a), max(b + 1)`.
        config.options_mut().optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        Self { context: SessionContext::new_with_config(config) }
    }

    /// Plans and runs one statement to its end.
    pub async fn run(&self, sql: &str) -> Result<Answer> {
        let frame = self.context.sql(sql).await?;
        let schema = SchemaRef::new(frame.schema().as_arrow().clone());
        Ok(Answer { schema, batches: frame.collect().await?, pipelines: 0 })
    }
}

/// Planning deep expressions needs more stack than a thread has by default.
pub const STACK_BYTES: usize = 16 << 20;

/// The runtime that all tests of a binary share.
///
/// # Errors
/// Where the system refuses threads.
pub fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let build = || Builder::new_multi_thread().worker_threads(2).thread_stack_size(STACK_BYTES).enable_all().build();
    RUNTIME.get_or_init(build).as_ref().map_err(|error| error.to_string().into())
}
