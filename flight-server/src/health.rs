//! gRPC's health protocol (`grpc.health.v1`): load balancers ask it on the server's own port, without a login.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{Stream, stream};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::common::Common;

/// The services that there are: all of them together, and Flight.
const SERVICES: &[&str] = &["", "arrow.flight.protocol.FlightService"];

#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct HealthCheckResponse {
    #[prost(enumeration = "ServingStatus", tag = "1")]
    status: i32,
}

/// As `HealthCheckResponse.ServingStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum ServingStatus {
    Unknown = 0,
    Serving = 1,
    NotServing = 2,
    ServiceUnknown = 3,
}

/// The health of a server.
#[derive(Clone)]
pub(crate) struct Health(Arc<Common>);

impl Health {
    pub(crate) fn new(common: Arc<Common>) -> Self {
        Self(common)
    }

    fn now(&self) -> ServingStatus {
        if self.0.is_draining() { ServingStatus::NotServing } else { ServingStatus::Serving }
    }
}

impl NamedService for Health {
    const NAME: &'static str = "grpc.health.v1.Health";
}

impl Service<http::Request<Body>> for Health {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let health = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<HealthCheckResponse, HealthCheckRequest>::default());
            Ok(match request.uri().path() {
                "/grpc.health.v1.Health/Check" => grpc.unary(Check(health), request).await,
                "/grpc.health.v1.Health/Watch" => grpc.server_streaming(Watch(health), request).await,
                _ => Status::unimplemented("health has Check and Watch").into_http(),
            })
        })
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

/// How it is now.
struct Check(Health);

impl UnaryService<HealthCheckRequest> for Check {
    type Response = HealthCheckResponse;
    type Future = Ready<Result<Response<HealthCheckResponse>, Status>>;

    fn call(&mut self, request: Request<HealthCheckRequest>) -> Self::Future {
        ready(match SERVICES.contains(&&*request.get_ref().service) {
            true => Ok(Response::new(answer(self.0.now()))),
            false => Err(Status::not_found("there is no such service here")),
        })
    }
}

/// How it is now, and once that changes; which it does once.
struct Watch(Health);

type Answers = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

impl ServerStreamingService<HealthCheckRequest> for Watch {
    type Response = HealthCheckResponse;
    type ResponseStream = Answers;
    type Future = Ready<Result<Response<Answers>, Status>>;

    fn call(&mut self, request: Request<HealthCheckRequest>) -> Self::Future {
        let is_known = SERVICES.contains(&&*request.get_ref().service);
        let health = self.0.clone();
        let answers = stream::unfold(None, move |said| {
            let health = health.clone();
            async move {
                let now = match said {
                    None if !is_known => ServingStatus::ServiceUnknown,
                    None => health.now(),
                    Some(ServingStatus::Serving) => {
                        health.0.drained().await;
                        health.now()
                    }
                    Some(_) => return None,
                };
                Some((Ok(answer(now)), Some(now)))
            }
        });
        ready(Ok(Response::new(Box::pin(answers))))
    }
}
