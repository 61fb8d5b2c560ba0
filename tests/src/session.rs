//! A session on one device, for tests: SQL in, an answer out. The one file that knows how Maar is embedded.

use std::fmt;
use std::sync::OnceLock;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::prelude::{SessionConfig, SessionContext};
use tokio::runtime::{Builder, Runtime};

use crate::Result;

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

    /// Why no session can be had there on this machine; `None` where one can.
    pub fn missing(self) -> Option<String> {
        match self {
            Self::Cpu => None,
            Self::Emulated => Some("the engine has no emulated device yet".to_owned()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A session of Maar.
pub struct TestSession {
    context: SessionContext,
}

/// All rows of one statement.
#[derive(Clone, Debug)]
pub struct Answer {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    /// Kernels launched for it.
    pub launches: u64,
}

impl Answer {
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

impl TestSession {
    /// Opens a session at `place`. Two partitions, so that plans are alike on every machine.
    ///
    /// # Errors
    /// Where the place cannot be had: see [`Place::missing`].
    pub fn open(place: Place) -> Result<Self> {
        if let Some(missing) = place.missing() {
            return Err(missing.into());
        }
        let config = SessionConfig::new().with_information_schema(true).with_target_partitions(2);
        Ok(Self { context: SessionContext::new_with_config(config).enable_url_table() })
    }

    /// Plans and runs one statement to its end.
    pub async fn run(&self, sql: &str) -> Result<Answer> {
        let frame = self.context.sql(sql).await?;
        let schema = SchemaRef::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await?;
        Ok(Answer { schema, batches, launches: 0 })
    }
}

/// Plain DataFusion, with none of Maar's rules: the oracle.
pub struct Oracle {
    context: SessionContext,
}

impl Oracle {
    pub fn open() -> Self {
        let config = SessionConfig::new().with_information_schema(true).with_target_partitions(2);
        Self { context: SessionContext::new_with_config(config) }
    }

    /// Plans and runs one statement to its end.
    pub async fn run(&self, sql: &str) -> Result<Answer> {
        let frame = self.context.sql(sql).await?;
        let schema = SchemaRef::new(frame.schema().as_arrow().clone());
        Ok(Answer { schema, batches: frame.collect().await?, launches: 0 })
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
