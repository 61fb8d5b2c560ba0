//! The seam to `maar-engine`: all that the shell and the benchmark ask of it, in one place.

use std::fmt;
use std::sync::{Arc, Mutex};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use datafusion::prelude::SessionContext;
use futures::{Stream, TryStreamExt, stream};
use maar_engine::{ClientRights, Error, ErrorKind, Parameters, Places, QueryReport, QueryResult, Session, Statement};
use maar_flight_server::Role;

use crate::args::DeviceArg;
use crate::error::Failure;

/// The option that says where queries run.
const DEVICE: &str = "maar.device";

/// An open session. Clones share it.
#[derive(Clone)]
pub(crate) struct Engine {
    session: Session,
    /// What may be done in it.
    role: Role,
}

/// A statement that runs: its rows come as they are made; dropping it cancels.
pub(crate) struct Running {
    result: QueryResult,
}

impl Engine {
    pub(crate) fn open(device: DeviceArg) -> Result<Self, Failure> {
        let session = Session::builder().option(DEVICE, device.name()).build();
        Ok(Self { session: session.map_err(Failure::other)?, role: Role::Admin })
    }

    /// A session over the same tables that only reads: these files, and with a client's rights.
    pub(crate) fn for_reader(&self, places: Places) -> Self {
        let rights = ClientRights { places: Some(Arc::new(places)), is_administrator: false };
        Self { session: self.session.for_client_with(rights), role: Role::Reader }
    }

    /// The session itself, to be served.
    pub(crate) fn session(&self) -> Session {
        self.session.clone()
    }

    /// The DataFusion context underneath, for its catalog.
    pub(crate) fn context(&self) -> &SessionContext {
        self.session.context()
    }

    /// Rows from elsewhere as a table that can be read once.
    pub(crate) fn add_stream(
        &self,
        name: &str,
        schema: SchemaRef,
        rows: impl Stream<Item = Result<RecordBatch, Error>> + Send + 'static,
    ) -> Result<(), Failure> {
        let rows = rows.map_err(|error| DataFusionError::External(Box::new(error)));
        let rows: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), rows));
        let once = Once { schema: Arc::clone(&schema), rows: Mutex::new(Some(rows)) };
        let table =
            StreamingTable::try_new(schema, vec![Arc::new(once)]).map_err(Error::from).map_err(Failure::other)?;
        self.context().register_table(name, Arc::new(table)).map_err(Error::from).map_err(Failure::other)?;
        Ok(())
    }

    /// The device asked for, as `SET maar.device` has it.
    pub(crate) fn device(&self) -> String {
        let entries = self.context().state().config_options().entries();
        entries.into_iter().find(|entry| entry.key == DEVICE).and_then(|entry| entry.value).unwrap_or_default()
    }

    /// Plans and starts one statement of a script.
    pub(crate) async fn start(&self, statement: &Statement, params: &Parameters) -> Result<Running, Error> {
        let query = self.session.plan(statement).await?.with_parameters(params)?;
        if let Some(why) = self.role.refuses(query.logical_plan()) {
            return Err(Error::new(ErrorKind::Forbidden, why));
        }
        Ok(Running { result: query.execute().await? })
    }

    /// Runs one statement to its end.
    pub(crate) async fn run(&self, sql: &str) -> Result<(Vec<RecordBatch>, QueryReport), Error> {
        self.session.sql(sql).await?.collect().await
    }
}

impl Running {
    pub(crate) fn schema(&self) -> SchemaRef {
        self.result.schema()
    }

    /// The plan that runs; none for DDL.
    pub(crate) fn plan(&self) -> Option<Arc<dyn ExecutionPlan>> {
        self.result.physical_plan().cloned()
    }

    /// The next rows; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, Error> {
        self.result.next_batch().await.transpose()
    }
}

/// A table of rows that come once.
struct Once {
    schema: SchemaRef,
    rows: Mutex<Option<SendableRecordBatchStream>>,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl PartitionStream for Once {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.rows.lock().ok().and_then(|mut rows| rows.take());
        let read = || DataFusionError::Execution("the rows that were copied are read already".to_owned());
        rows.unwrap_or_else(|| {
            let none = stream::once(async move { Err(read()) });
            Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), none))
        })
    }
}

/// The devices found, and what is missing where there is none, as text.
pub(crate) fn devices() -> String {
    maar_engine::device::discover().to_string()
}
