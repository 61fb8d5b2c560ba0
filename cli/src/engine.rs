//! The seam to `maar-engine`: all that the shell and the benchmark ask of it, in one place.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
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

/// The devices found, and what is missing where there is none, as text.
pub(crate) fn devices() -> String {
    maar_engine::device::discover().to_string()
}
