//! Flight SQL over [`maar_engine::Session`]: plans in GetFlightInfo, runs in DoGet, cancels when the stream is dropped.
//!
//! [`serve`] is the entry point. This crate knows the protocol and no query logic. Each client has a session of its own
//! (`sessions`, `session`) over one catalog and the same devices. Where it has users (`users`), a session begins with a
//! login (`gate`) and has its user's role (`role`). Statements run on threads apart from calls (`lanes`). Other machines reach it with users and encryption (`tls`) only, or where that is waived in words.

mod actions;
mod connection;
mod endpoint;
mod gate;
mod handles;
mod ingest;
mod lane;
mod lanes;
mod messages;
mod messages_in;
mod metadata;
mod parameters;
mod prepared;
mod reply;
mod role;
mod running;
mod secrets;
mod server;
mod service;
mod session;
mod sessions;
mod statements;
mod status;
mod tls;
mod users;
mod wire;

pub use role::{Role, UnknownRole};
pub use server::{ServeError, ServeOptions, Server, serve};
pub use sessions::Limits;
pub use tls::{Tls, TlsError};
pub use users::{Users, UsersError};
