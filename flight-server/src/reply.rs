//! The two answers of the protocol: a FlightInfo that says where the rows are, and a stream of rows.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::sql::{ProstMessageExt, TicketStatementQuery};
use arrow_flight::{FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage, SchemaAsIpc, Ticket};
use futures::{Stream, StreamExt, stream};
use prost::Message;
use prost::bytes::Bytes;
use tonic::Status;

use crate::messages;
use crate::secrets::Secret;
use crate::status::{from_engine, from_flight};
use crate::wire::to_wire;

/// Rows on their way to a client.
pub(crate) type Reply = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send>>;

/// The ticket of a statement that is kept under `handle`.
pub(crate) fn statement_ticket(handle: &Secret) -> Bytes {
    TicketStatementQuery { statement_handle: handle.to_vec().into() }.as_any().encode_to_vec().into()
}

/// Where the rows are: at this server, over the connection that the client has, for whoever shows the ticket.
/// There is always one endpoint, even for no rows: some clients index the first.
pub(crate) fn info(descriptor: FlightDescriptor, ticket: Bytes, schema: &Schema) -> Result<FlightInfo, Status> {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket));
    let info = FlightInfo::new().try_with_schema(schema).map_err(|e| from_flight(e.into()))?;
    Ok(info.with_descriptor(descriptor).with_endpoint(endpoint))
}

/// A schema as prepared statements carry it.
pub(crate) fn encoded(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let message = IpcMessage::try_from(SchemaAsIpc::new(schema, &options)).map_err(|e| from_flight(e.into()))?;
    Ok(message.0)
}

/// The rows of a query under the advertised schema. Dropping the reply drops `batches`.
pub(crate) fn stream(
    schema: SchemaRef,
    batches: impl Stream<Item = maar_engine::Result<RecordBatch>> + Send + 'static,
) -> Reply {
    let target = Arc::clone(&schema);
    let converted =
        batches.map(move |batch| batch.map_err(|e| from_engine(&e)).and_then(|batch| to_wire(&batch, &target)));
    Box::pin(messages::stream(&schema, converted))
}

/// One batch as it is.
pub(crate) fn batch(batch: RecordBatch) -> Reply {
    stream(batch.schema(), stream::iter([Ok(batch)]))
}
