//! Flight SQL over [`maar_engine::Session`]: plans in GetFlightInfo, runs in DoGet, cancels when the stream is dropped.
//!
//! [`serve`] is the entry point. This crate knows the protocol and no query logic. Each client has a session of its own
//! (`sessions`, `session`) over one catalog and the same devices. Where it has users (`users`), a session begins with a
//! login (`gate`, `lockout`), or a token of an identity provider (`jwt`), and has its user's role (`role`). Statements wait for a place to run and are known while they do (`queries`), which
//! clients see as tables (`system`); they run on threads apart from calls (`lanes`). Who watches over a server asks its health (`health`)
//! and an HTTP door for what it counts (`http`, `metrics`), which also has pages for people (`dashboard`) and tools for language models (`mcp`, with values as `json`); PostgreSQL's protocol is spoken at a door of its own (`postgres`); who did what is in a file of its own (`audit`). Other machines reach it with users and encryption (`tls`) only, or where that is waived in words.

mod actions;
mod audit;
mod common;
mod connection;
mod dashboard;
mod der;
mod endpoint;
mod gate;
mod handles;
mod health;
mod http;
mod ingest;
pub mod json;
mod jwt;
mod lane;
mod lanes;
mod limits;
mod lockout;
pub mod mcp;
mod messages;
mod messages_in;
mod metadata;
mod metrics;
mod parameters;
mod polling;
mod postgres;
mod prepared;
mod queries;
mod reply;
mod role;
mod running;
mod secrets;
mod serve_error;
mod server;
mod service;
mod session;
mod sessions;
mod statements;
mod status;
mod steps;
mod system;
mod tls;
mod trace_context;
mod users;
mod wire;

pub use audit::{Audit, AuditError};
pub use jwt::{Jwt, JwtError};
pub use limits::Limits;
pub use role::{Role, UnknownRole};
pub use serve_error::ServeError;
pub use server::{ServeOptions, Server, serve};
pub use tls::{Tls, TlsError};
pub use users::{Users, UsersError};
