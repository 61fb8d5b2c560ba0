//! Flight SQL over [`maar_engine::Session`]: plans in GetFlightInfo, runs in DoGet, cancels when the stream is dropped.
//!
//! [`serve`] is the entry point. This crate knows the protocol and no query logic. As yet it has neither users nor
//! encryption, so it listens on loopback addresses only; and one engine session serves all clients: what one of
//! them SETs or CREATEs, all see.

mod actions;
mod endpoint;
mod handles;
mod messages;
mod metadata;
mod reply;
mod server;
mod service;
mod statements;
mod status;
mod wire;

pub use server::{ServeError, Server, serve};
