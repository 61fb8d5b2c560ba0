//! The engine through its public door: one binary, because linking DataFusion is slow.

#![expect(clippy::unwrap_used, reason = "tests")]

mod basics;
mod depth;
mod device;
mod docs;
mod errors;
mod exact;
mod examples;
mod files;
mod functions;
mod join_filters;
mod join_order;
mod names;
mod prepared;
mod rules;
mod statistics;
mod support;
