//! A server on a loopback port and `arrow-flight`'s own client: what a driver sees. No real driver is run here.
#![expect(clippy::unwrap_used, reason = "tests")]

mod admission;
mod audit;
mod cancel;
mod certificates;
mod changes;
mod dashboard;
mod hostile;
mod http;
mod ingest;
mod lanes;
mod mcp;
mod metadata;
mod parameters;
mod places;
mod polling;
mod postgres;
mod prepared;
mod queries;
mod roles;
mod session_options;
mod sessions;
mod support;
mod system;
mod tls;
mod tokens;
mod types;
mod users;
mod watching;
