//! The Flight SQL service for one call: each message to the room that answers it. What a message means is decided there,
//! not here; whose session it is, in front (`endpoint`).

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, Command, CommandGetCatalogs,
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest, CommandStatementQuery,
    CommandStatementUpdate, DoPutPreparedStatementResult, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{Action, FlightDescriptor, FlightInfo, PollInfo, SchemaResult, Ticket};
use futures::TryStreamExt;
use prost::Message;
use tonic::{Request, Response, Status};

use crate::actions;
use crate::ingest::Ingest;
use crate::metadata::{Facts, catalog, keys};
use crate::parameters::Values;
use crate::polling;
use crate::prepared::Prepared;
use crate::reply::{self, Reply};
use crate::secrets::secret;
use crate::session::InUse;
use crate::statements;
use crate::steps::Waiting;

/// Answers one call of a client, in its session.
pub(crate) struct Service {
    session: InUse,
    facts: Arc<Facts>,
}

impl Service {
    pub(crate) fn new(session: InUse, facts: Arc<Facts>) -> Self {
        Self { session, facts }
    }

    /// The answer to GetSchema; nothing runs.
    pub(crate) async fn schema(&self, descriptor: FlightDescriptor) -> Result<SchemaResult, Status> {
        let schema = match Command::try_from(command(&descriptor)?).map_err(|e| no_command(&e))? {
            Command::CommandStatementQuery(command) => {
                let sql = command.query.clone();
                let plan = |session: InUse| async move {
                    statements::dataset_schema(&statements::plan(&session, &sql).await?)
                };
                let planned = self.session.on_lane(plan).await;
                self.session.planned(&command.query, planned)?
            }
            Command::CommandPreparedStatementQuery(command) => {
                let prepared = self.session.prepared.get(&command.prepared_statement_handle)?;
                self.session.on_lane(|session| async move { prepared.columns(&session).await }).await?
            }
            // Of the others a FlightInfo tells it, and making that one runs nothing.
            _ => {
                let info = self.get_flight_info(Request::new(descriptor)).await?;
                return Ok(SchemaResult { schema: info.into_inner().schema });
            }
        };
        Ok(SchemaResult { schema: reply::encoded(&schema)? })
    }

    /// The answer to PollFlightInfo: a query runs from the first call on; of all else the first answer is the last.
    pub(crate) async fn poll(&self, descriptor: FlightDescriptor) -> Result<PollInfo, Status> {
        let any = command(&descriptor)?;
        if let Some(handle) = polling::asked_again(&any) {
            return self.session.poll_again(&handle).await;
        }
        match Command::try_from(any).map_err(|e| no_command(&e))? {
            Command::CommandStatementQuery(command) => {
                let waiting = self.planned(command).await?;
                self.session.poll(waiting, descriptor).await
            }
            Command::CommandPreparedStatementQuery(command) => {
                let prepared = self.session.prepared.get(&command.prepared_statement_handle)?;
                self.session.poll(self.session.bound(prepared).await?, descriptor).await
            }
            _ => polling::complete(self.get_flight_info(Request::new(descriptor)).await?.into_inner()),
        }
    }

    /// A query of a client, to be fetched.
    async fn planned(&self, query: CommandStatementQuery) -> Result<Waiting, Status> {
        refuse_transaction(query.transaction_id.is_some())?;
        let sql = query.query.clone();
        let plan = |session: InUse| async move { Ok(vec![statements::plan_complete(&session, &sql).await?]) };
        self.session.ready(&query.query, plan).await
    }
}

/// What a descriptor asks for.
fn command(descriptor: &FlightDescriptor) -> Result<Any, Status> {
    Any::decode(&*descriptor.cmd).map_err(|e| no_command(&e))
}

fn no_command(cause: &dyn std::fmt::Display) -> Status {
    Status::invalid_argument(format!("not a command of Flight SQL: {cause}"))
}

pub(crate) type InfoResult = Result<Response<FlightInfo>, Status>;
pub(crate) type RowsResult = Result<Response<Reply>, Status>;

/// The ticket of metadata is the command itself.
fn metadata_info(request: Request<FlightDescriptor>, schema: &Schema) -> InfoResult {
    let descriptor = request.into_inner();
    let ticket = descriptor.cmd.clone();
    reply::info(descriptor, ticket, schema).map(Response::new)
}

fn metadata_rows(batch: RecordBatch) -> RowsResult {
    Ok(Response::new(reply::batch(batch)))
}

fn no_rows(schema: Arc<Schema>) -> RowsResult {
    metadata_rows(RecordBatch::new_empty(schema))
}

#[tonic::async_trait]
impl FlightSqlService for Service {
    type FlightService = Self;

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> InfoResult {
        self.session.keep(self.planned(query).await?, request.into_inner())
    }

    async fn do_get_statement(&self, ticket: TicketStatementQuery, _request: Request<Ticket>) -> RowsResult {
        if let Ok((_, polled)) = self.session.polled.take(&ticket.statement_handle) {
            return polled.rows().await.map(Response::new);
        }
        let (handle, waiting) = self.session.statements.take(&ticket.statement_handle)?;
        self.session.fetch(handle, waiting).await
    }

    async fn do_put_statement_update(
        &self,
        command: CommandStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        refuse_transaction(command.transaction_id.is_some())?;
        // To its end, before anything changes: a client that still sends takes an early answer for a broken connection.
        request.into_inner().try_for_each(|_| std::future::ready(Ok(()))).await?;
        let sql = command.query.clone();
        let plan = |session: InUse| async move { Ok(vec![statements::plan_complete(&session, &sql).await?]) };
        self.session.update(&command.query, plan).await
    }

    async fn do_put_statement_ingest(
        &self,
        command: CommandStatementIngest,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        refuse_transaction(command.transaction_id.is_some())?;
        Ingest::new(&self.session, command)?.run(request.into_inner()).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        command: ActionCreatePreparedStatementRequest,
        _request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        refuse_transaction(command.transaction_id.is_some())?;
        let sql = command.query.clone();
        let prepared = self.session.on_lane(|session| async move { Prepared::new(&session, sql).await }).await;
        let (prepared, columns) = self.session.planned(&command.query, prepared)?;
        let parameters = reply::encoded(&prepared.parameters())?;
        let handle = self.session.prepared.insert(Arc::new(prepared))?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle.to_vec().into(),
            dataset_schema: reply::encoded(&columns)?,
            parameter_schema: parameters,
        })
    }

    /// Closing twice, or late, is no error: what the client wants is so.
    async fn do_action_close_prepared_statement(
        &self,
        command: ActionClosePreparedStatementRequest,
        _request: Request<Action>,
    ) -> Result<(), Status> {
        let _ = self.session.prepared.take(&command.prepared_statement_handle);
        Ok(())
    }

    async fn do_action_cancel_query(
        &self,
        command: ActionCancelQueryRequest,
        _request: Request<Action>,
    ) -> Result<ActionCancelQueryResult, Status> {
        let broken = |e| Status::invalid_argument(format!("CancelQuery is asked for with what is no FlightInfo: {e}"));
        let info = FlightInfo::decode(command.info).map_err(broken)?;
        // The numbers of the two results are the same.
        Ok(ActionCancelQueryResult { result: actions::cancel(&self.session, &info)?.into() })
    }

    async fn get_flight_info_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> InfoResult {
        let prepared = self.session.prepared.get(&command.prepared_statement_handle)?;
        self.session.keep(self.session.bound(prepared).await?, request.into_inner())
    }

    /// For clients that fetch with the command itself, without asking for a FlightInfo.
    async fn do_get_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        _request: Request<Ticket>,
    ) -> RowsResult {
        let prepared = self.session.prepared.get(&command.prepared_statement_handle)?;
        self.session.fetch(secret()?, self.session.bound(prepared).await?).await
    }

    async fn do_put_prepared_statement_query(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let values = Values::read(request.into_inner()).await?;
        self.session.prepared.get(&command.prepared_statement_handle)?.bind(values)?;
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(command.prepared_statement_handle) })
    }

    async fn do_put_prepared_statement_update(
        &self,
        command: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let values = Values::read(request.into_inner()).await?;
        let prepared = self.session.prepared.get(&command.prepared_statement_handle)?;
        let sql = prepared.sql().to_owned();
        self.session.update(&sql, |session| async move { prepared.with(&session, values).await }).await
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Result<Response<<Self as FlightService>::DoActionStream>, Status> {
        Err(actions::unknown(request.get_ref()))
    }

    async fn get_flight_info_catalogs(
        &self,
        command: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> InfoResult {
        metadata_info(request, &command.into_builder().schema())
    }

    async fn do_get_catalogs(&self, command: CommandGetCatalogs, _request: Request<Ticket>) -> RowsResult {
        metadata_rows(catalog::catalogs(&self.session.engine, command)?)
    }

    async fn get_flight_info_schemas(
        &self,
        command: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> InfoResult {
        metadata_info(request, &command.into_builder().schema())
    }

    async fn do_get_schemas(&self, command: CommandGetDbSchemas, _request: Request<Ticket>) -> RowsResult {
        metadata_rows(catalog::schemas(&self.session.engine, command)?)
    }

    async fn get_flight_info_tables(
        &self,
        command: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> InfoResult {
        metadata_info(request, &command.into_builder().schema())
    }

    async fn do_get_tables(&self, command: CommandGetTables, _request: Request<Ticket>) -> RowsResult {
        metadata_rows(catalog::tables(&self.session.engine, command).await?)
    }

    async fn get_flight_info_table_types(
        &self,
        _command: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> InfoResult {
        metadata_info(request, &catalog::table_types_schema())
    }

    async fn do_get_table_types(&self, _command: CommandGetTableTypes, _request: Request<Ticket>) -> RowsResult {
        metadata_rows(catalog::table_types()?)
    }

    async fn get_flight_info_sql_info(
        &self,
        _command: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> InfoResult {
        metadata_info(request, &self.facts.sql_info(self.session.owner.role).schema())
    }

    async fn do_get_sql_info(&self, command: CommandGetSqlInfo, _request: Request<Ticket>) -> RowsResult {
        let batch = command.into_builder(self.facts.sql_info(self.session.owner.role)).build();
        metadata_rows(batch.map_err(crate::status::from_flight)?)
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        _command: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> InfoResult {
        metadata_info(request, &self.facts.types.schema())
    }

    async fn do_get_xdbc_type_info(&self, command: CommandGetXdbcTypeInfo, _request: Request<Ticket>) -> RowsResult {
        metadata_rows(command.into_builder(&self.facts.types).build().map_err(crate::status::from_flight)?)
    }

    async fn get_flight_info_primary_keys(
        &self,
        _command: CommandGetPrimaryKeys,
        request: Request<FlightDescriptor>,
    ) -> InfoResult {
        metadata_info(request, &keys::primary())
    }

    async fn do_get_primary_keys(&self, _command: CommandGetPrimaryKeys, _request: Request<Ticket>) -> RowsResult {
        no_rows(keys::primary())
    }

    async fn get_flight_info_exported_keys(
        &self,
        _command: CommandGetExportedKeys,
        request: Request<FlightDescriptor>,
    ) -> InfoResult {
        metadata_info(request, &keys::foreign())
    }

    async fn do_get_exported_keys(&self, _command: CommandGetExportedKeys, _request: Request<Ticket>) -> RowsResult {
        no_rows(keys::foreign())
    }

    async fn get_flight_info_imported_keys(
        &self,
        _command: CommandGetImportedKeys,
        request: Request<FlightDescriptor>,
    ) -> InfoResult {
        metadata_info(request, &keys::foreign())
    }

    async fn do_get_imported_keys(&self, _command: CommandGetImportedKeys, _request: Request<Ticket>) -> RowsResult {
        no_rows(keys::foreign())
    }

    async fn get_flight_info_cross_reference(
        &self,
        _command: CommandGetCrossReference,
        request: Request<FlightDescriptor>,
    ) -> InfoResult {
        metadata_info(request, &keys::foreign())
    }

    async fn do_get_cross_reference(
        &self,
        _command: CommandGetCrossReference,
        _request: Request<Ticket>,
    ) -> RowsResult {
        no_rows(keys::foreign())
    }

    /// What the server says of itself is fixed.
    async fn register_sql_info(&self, _id: i32, _result: &SqlInfo) {}
}

/// Statements that a client believes to be in a transaction must not run outside of one.
fn refuse_transaction(is_in_one: bool) -> Result<(), Status> {
    if is_in_one {
        return Err(Status::unimplemented("this server has no transactions: every statement stands for itself"));
    }
    Ok(())
}
