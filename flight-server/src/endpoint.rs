//! The gRPC service in front of [`Service`]: finds the session of each call. `arrow-flight` derives a whole service from the
//! Flight SQL messages, but with no GetSchema, no PollFlightInfo, no sessions, and a list of actions that most servers lack;
//! these are answered here, the rest is passed on.

use std::sync::Arc;

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse, PollInfo,
    SchemaResult, Ticket,
};
use futures::stream;
use tonic::{Request, Response, Status, Streaming};

use crate::actions;
use crate::connection::peer;
use crate::gate::Gate;
use crate::metadata::Facts;
use crate::service::Service;
use crate::session::Owner;
use crate::sessions::{Sessions, Way};

/// All calls of the Flight protocol.
pub(crate) struct Endpoint {
    sessions: Arc<Sessions>,
    gate: Arc<Gate>,
    facts: Arc<Facts>,
}

impl Endpoint {
    pub(crate) fn new(sessions: Arc<Sessions>, gate: Arc<Gate>) -> Result<Self, Status> {
        Ok(Self { sessions, gate, facts: Arc::new(Facts::new()?) })
    }

    /// What answers a call, in its session.
    fn service<T>(&self, request: &Request<T>) -> Result<Service, Status> {
        Ok(Service::new(self.sessions.of(request)?, Arc::clone(&self.facts)))
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
        self.service(&request)?.schema(request.into_inner()).await.map(Response::new)
    }

    async fn list_actions(&self, request: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        self.sessions.peek(&request)?;
        Ok(Response::new(Box::pin(stream::iter(actions::list()))))
    }

    /// Opens a session for who may have one, and gives the token that leads to it, in a header as drivers want it and as the
    /// answer's payload. Who shows a token gets it back. A login may ask for a lesser role than its user has.
    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let token = match self.sessions.token_of(&request)? {
            Some(token) => token,
            None => {
                let peer = peer(&request);
                let owner = self.gate.pass(request.metadata(), peer).await.map_err(|refused| {
                    self.sessions.refused(refused.user.as_deref(), peer, refused.reason);
                    refused.status
                })?;
                let role = owner.role.lowered(request.metadata())?;
                self.sessions.log_in(Owner { role, ..owner }, Way::Handshake, peer)?
            }
        };
        let answer = HandshakeResponse { protocol_version: 0, payload: token.clone().into() };
        let mut response = Response::new(Box::pin(stream::iter([Ok(answer)])) as Self::HandshakeStream);
        let header = format!("Bearer {token}").parse();
        response.metadata_mut().insert("authorization", header.map_err(|_| Status::internal("a token is no header"))?);
        Ok(response)
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        self.service(&request)?.list_flights(request).await
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        self.service(&request)?.get_flight_info(request).await
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        self.service(&request)?.poll(request.into_inner()).await.map(Response::new)
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        self.service(&request)?.do_get(request).await
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        self.service(&request)?.do_put(request).await
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        self.service(&request)?.do_exchange(request).await
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        match actions::run(&self.sessions, &request).await? {
            Some(answer) => Ok(Response::new(answer)),
            None => self.service(&request)?.do_action(request).await,
        }
    }
}
