//! What clients send, before it is taken apart: how large a message may be, and whether it all came. Tables come by DoPut, whose
//! messages are read only once their session is known; all others are read before that, whoever sends them, and are small.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use http_body_util::BodyExt;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::NamedService;
use tonic::{Code, Status};

use crate::limits::Limits;

const DO_PUT: &str = "/DoPut";

/// A service of Flight with the bounds that [`Limits`] has for messages: drivers send a batch of rows as they have it, in one.
pub(crate) struct Bounded<T: FlightService> {
    calls: FlightServiceServer<T>,
    puts: FlightServiceServer<T>,
}

impl<T: FlightService> Bounded<T> {
    pub(crate) fn new(service: T, limits: &Limits) -> Self {
        let service = Arc::new(service);
        let of = |bytes| FlightServiceServer::from_arc(Arc::clone(&service)).max_decoding_message_size(bytes);
        Self { calls: of(limits.message_bytes), puts: of(limits.batch_bytes) }
    }
}

impl<T: FlightService> Clone for Bounded<T> {
    fn clone(&self) -> Self {
        Self { calls: self.calls.clone(), puts: self.puts.clone() }
    }
}

impl<T: FlightService> NamedService for Bounded<T> {
    const NAME: &'static str = FlightServiceServer::<T>::NAME;
}

impl<T: FlightService> Service<http::Request<Body>> for Bounded<T> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match request.uri().path().ends_with(DO_PUT) {
            true => self.puts.call(request.map(|body| Body::new(body.map_err(broken_off)))),
            false => self.calls.call(request),
        }
    }
}

/// A client that gives up in the middle: tonic takes its CANCELLED for the end of all that it has to say, and half of its rows
/// would be taken for the whole.
fn broken_off(status: Status) -> Status {
    match status.code() {
        Code::Cancelled => Status::aborted("the client has broken off what it was sending"),
        _ => status,
    }
}
