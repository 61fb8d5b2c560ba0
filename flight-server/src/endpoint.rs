//! The gRPC service in front of [`Service`]. `arrow-flight` derives a whole service from the Flight SQL messages, but
//! with no GetSchema and a list of actions that most servers lack; these two are answered here, the rest is passed on.

use std::sync::Arc;

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{Any, Command};
use arrow_flight::{
    Action, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, PollInfo, SchemaResult, Ticket,
};
use futures::stream;
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use crate::actions;
use crate::reply;
use crate::service::Service;

/// All calls of the Flight protocol.
pub(crate) struct Endpoint(pub(crate) Arc<Service>);

impl Endpoint {
    async fn schema(&self, descriptor: &FlightDescriptor) -> Result<SchemaResult, Status> {
        let broken = |e: &dyn std::fmt::Display| Status::invalid_argument(format!("not a command of Flight SQL: {e}"));
        let any = Any::decode(&*descriptor.cmd).map_err(|e| broken(&e))?;
        let schema = match Command::try_from(any).map_err(|e| broken(&e))? {
            Command::CommandStatementQuery(command) => self.0.schema_of(&command.query).await?,
            Command::CommandPreparedStatementQuery(command) => {
                let sql = self.0.prepared_sql(&command.prepared_statement_handle)?;
                self.0.schema_of(&sql).await?
            }
            // Of the others a FlightInfo tells it, and making that one runs nothing.
            _ => {
                let info = self.0.get_flight_info(Request::new(descriptor.clone())).await?;
                return Ok(SchemaResult { schema: info.into_inner().schema });
            }
        };
        Ok(SchemaResult { schema: reply::encoded(&schema)? })
    }
}

#[tonic::async_trait]
impl FlightService for Endpoint {
    type HandshakeStream = <Service as FlightService>::HandshakeStream;
    type ListFlightsStream = <Service as FlightService>::ListFlightsStream;
    type DoGetStream = <Service as FlightService>::DoGetStream;
    type DoPutStream = <Service as FlightService>::DoPutStream;
    type DoActionStream = <Service as FlightService>::DoActionStream;
    type ListActionsStream = <Service as FlightService>::ListActionsStream;
    type DoExchangeStream = <Service as FlightService>::DoExchangeStream;

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        self.schema(request.get_ref()).await.map(Response::new)
    }

    async fn list_actions(&self, _request: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        Ok(Response::new(Box::pin(stream::iter(actions::list()))))
    }

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        self.0.handshake(request).await
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        self.0.list_flights(request).await
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        self.0.get_flight_info(request).await
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        self.0.poll_flight_info(request).await
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        self.0.do_get(request).await
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        self.0.do_put(request).await
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        self.0.do_exchange(request).await
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        self.0.do_action(request).await
    }
}
