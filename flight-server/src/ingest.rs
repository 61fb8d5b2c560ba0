//! CommandStatementIngest: rows that a client sends become a table, or more rows of one. They are received to the last before
//! anything changes, within the memory that queries have; then one statement of SQL takes them, which runs to its end even where
//! the client is gone. So a table is never half there.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{CommandStatementIngest, TableDefinitionOptions, TableExistsOption, TableNotExistOption};
use futures::{Stream, TryStreamExt};
use maar_engine::Error;
use maar_engine::datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use maar_engine::datafusion::datasource::{MemTable, TableType};
use maar_engine::datafusion::error::{DataFusionError, Result as HostResult};
use maar_engine::datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use tonic::Status;

use crate::queries::{State, Watched};
use crate::secrets::{secret, written};
use crate::session::{ClientSession, InUse};
use crate::statements;
use crate::status::{from_engine, from_flight};
use crate::wire::{to_wire, wire_schema};

/// What is to be done with the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A new table.
    Create,
    /// To a table that is there.
    Append,
    /// To a table that is there, or a new one.
    CreateOrAppend,
    /// A new table, in the place of one that is there.
    Replace,
    /// A new table, in the place of one if it is there.
    CreateOrReplace,
}

/// A table that is to have rows of a client's.
pub(crate) struct Ingest<'a> {
    session: &'a InUse,
    mode: Mode,
    target: Target,
}

/// The table, as the client names it.
struct Target {
    catalog: Option<String>,
    schema: Option<String>,
    table: String,
    is_temporary: bool,
}

/// Rows that were received, and the memory that they are counted in.
struct Received {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    _memory: MemoryReservation,
}

impl<'a> Ingest<'a> {
    /// # Errors
    /// PERMISSION_DENIED for a reader, INVALID_ARGUMENT for what cannot be asked for.
    pub(crate) fn new(session: &'a InUse, command: CommandStatementIngest) -> Result<Self, Status> {
        session.owner.role.check_change("ingestion")?;
        if let Some(option) = command.options.keys().min() {
            return Err(Status::invalid_argument(format!(
                "ingestion has no option '{option}' here: it has none at all"
            )));
        }
        let mode = Mode::of(command.table_definition_options.as_ref())?;
        let (catalog, table) = (command.catalog, command.table);
        // A catalog without a schema: SQL has no name for that, so that the session's schema is written out.
        let usual = || session.engine.context().state().config_options().catalog.default_schema.clone();
        let schema = command.schema.or_else(|| catalog.is_some().then(usual));
        if table.is_empty() {
            return Err(Status::invalid_argument("ingestion is asked for without the name of a table"));
        }
        Ok(Self { session, mode, target: Target { catalog, schema, table, is_temporary: command.temporary } })
    }

    /// Receives the rows and puts them where they belong; gives their number.
    ///
    /// # Errors
    /// Those of the client's stream and of the statement; nothing is changed then.
    pub(crate) async fn run(
        self,
        stream: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
    ) -> Result<i64, Status> {
        let watched = self.session.begin(&format!("INGEST INTO {}", self.target))?;
        let received = watched.unless_told(received(self.session, stream)).await?;
        let watched = Arc::new(watched);
        self.change(&watched, received).await.inspect_err(|status| watched.fail(status))
    }

    async fn change(self, watched: &Arc<Watched>, received: Received) -> Result<i64, Status> {
        let rows: usize = received.batches.iter().map(RecordBatch::num_rows).sum();
        let is_there = self.target.is_there(self.session).await?;
        let (session, function) = (self.session.clone(), format!("received_{}", written(&secret()?)));
        let sql = self.target.statement(self.mode.step(is_there, &self.target)?, &received.schema, &function);
        // On its own: what has begun to change a table is not left in the middle because the client is gone.
        let place = session.enter(watched.query()).await?;
        watched.query().is_now(State::Running);
        let watched = Arc::clone(watched);
        let lanes = Arc::clone(&session.common.lanes);
        let change = async move {
            let (_rows, _place) = (Lent::new(session.clone(), function, &received)?, place);
            let changed = statements::all(vec![statements::plan(&session, &sql).await?]).await?;
            watched.query().count_rows(rows as u64);
            watched.finish();
            Ok(changed)
        };
        let change = tokio::spawn(async move { lanes.run(change).await });
        let broke = |e| Status::internal(format!("internal error, a bug of ours: ingestion broke off: {e}"));
        change.await.map_err(broke)??;
        Ok(i64::try_from(rows).unwrap_or(i64::MAX))
    }
}

impl Mode {
    fn of(options: Option<&TableDefinitionOptions>) -> Result<Self, Status> {
        let (absent, present) = options.map_or_else(Default::default, |o| (o.if_not_exist(), o.if_exists()));
        match (absent, present) {
            (TableNotExistOption::Create, TableExistsOption::Fail) => Ok(Self::Create),
            (TableNotExistOption::Fail, TableExistsOption::Append) => Ok(Self::Append),
            (TableNotExistOption::Create, TableExistsOption::Append) => Ok(Self::CreateOrAppend),
            (TableNotExistOption::Fail, TableExistsOption::Replace) => Ok(Self::Replace),
            (TableNotExistOption::Create, TableExistsOption::Replace) => Ok(Self::CreateOrReplace),
            (TableNotExistOption::Fail, TableExistsOption::Fail) => {
                Err(Status::invalid_argument("ingestion is to fail where the table is there and where it is not"))
            }
            (TableNotExistOption::Unspecified, _) | (_, TableExistsOption::Unspecified) => {
                Err(Status::invalid_argument(
                    "ingestion does not say what to do where the table is there, or where it is not",
                ))
            }
        }
    }

    fn step(self, is_there: bool, target: &Target) -> Result<Step, Status> {
        match (self, is_there) {
            (Self::Create, _) | (Self::CreateOrAppend, false) => Ok(Step::Create),
            (Self::Append, true) | (Self::CreateOrAppend, true) => Ok(Step::Insert),
            (Self::Replace, true) | (Self::CreateOrReplace, _) => Ok(Step::Replace),
            (Self::Append | Self::Replace, false) => Err(Status::not_found(format!("there is no table {target}"))),
        }
    }
}

/// The statement that takes the rows.
enum Step {
    Create,
    Replace,
    Insert,
}

impl Target {
    /// Whether there is such a table, or a temporary one where that is meant.
    async fn is_there(&self, session: &ClientSession) -> Result<bool, Status> {
        let state = session.engine.context().state();
        let defaults = &state.config_options().catalog;
        let catalog = self.catalog.as_ref().unwrap_or(&defaults.default_catalog);
        let schema = self.schema.as_ref().unwrap_or(&defaults.default_schema);
        let missing = |what: &str, name: &str| Status::not_found(format!("there is no {what} {name}"));
        let found = state.catalog_list().catalog(catalog).ok_or_else(|| missing("catalog", catalog))?;
        let found = found.schema(schema).ok_or_else(|| missing("schema", schema))?;
        let kind = found.table_type(&self.table).await.map_err(|e| from_engine(&Error::from(e)))?;
        Ok(match self.is_temporary {
            true => kind == Some(TableType::Temporary),
            false => kind.is_some(),
        })
    }

    /// Columns are found by their names, whatever their order.
    fn statement(&self, step: Step, schema: &Schema, rows: &str) -> String {
        let temporary = if self.is_temporary { "TEMP " } else { "" };
        let columns: Vec<String> = schema.fields().iter().map(|field| quoted(field.name())).collect();
        let columns = columns.join(", ");
        match step {
            Step::Create => format!("CREATE {temporary}TABLE {self} AS SELECT * FROM {rows}()"),
            Step::Replace => format!("CREATE OR REPLACE {temporary}TABLE {self} AS SELECT * FROM {rows}()"),
            Step::Insert => format!("INSERT INTO {self} ({columns}) SELECT {columns} FROM {rows}()"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.catalog.as_deref().into_iter().chain(self.schema.as_deref()).chain([self.table.as_str()]);
        f.write_str(&parts.map(quoted).collect::<Vec<_>>().join("."))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// All rows of a stream, in the types of the wire.
///
/// # Errors
/// INVALID_ARGUMENT for what is no stream of rows, RESOURCE_EXHAUSTED for more than there is memory.
async fn received(
    session: &ClientSession,
    stream: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
) -> Result<Received, Status> {
    let pool = Arc::clone(&session.engine.context().runtime_env().memory_pool);
    let memory = MemoryConsumer::new("rows that a client sends").register(&pool);
    let mut stream = FlightRecordBatchStream::new_from_flight_data(stream.map_err(FlightError::from));
    let mut batches = Vec::new();
    while let Some(batch) = stream.try_next().await.map_err(from_flight)? {
        let plain = to_wire(&batch, &wire_schema(batch.schema_ref()))?;
        memory.try_grow(plain.get_array_memory_size()).map_err(|e: DataFusionError| from_engine(&Error::from(e)))?;
        batches.push(plain);
    }
    let schema = stream.schema().map(|schema| wire_schema(schema));
    let schema = schema.ok_or_else(|| Status::invalid_argument("ingestion has no columns: no schema was sent"))?;
    Ok(Received { schema, batches, _memory: memory })
}

/// Rows under the name of a function of the session, for one statement.
struct Lent {
    session: InUse,
    function: String,
}

impl Lent {
    fn new(session: InUse, function: String, received: &Received) -> Result<Self, Status> {
        let table = MemTable::try_new(Arc::clone(&received.schema), vec![received.batches.clone()]);
        let table = table.map_err(|e| from_engine(&Error::from(e)))?;
        session.engine.context().register_udtf(&function, Arc::new(Rows(Arc::new(table))));
        Ok(Self { session, function })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.session.engine.context().deregister_udtf(&self.function);
    }
}

#[derive(Debug)]
struct Rows(Arc<MemTable>);

impl TableFunctionImpl for Rows {
    fn call_with_args(&self, _arguments: TableFunctionArgs<'_, '_>) -> HostResult<Arc<dyn TableProvider>> {
        Ok(Arc::clone(&self.0) as Arc<dyn TableProvider>)
    }
}
