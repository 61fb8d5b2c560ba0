//! The engine through its public door: one binary, because linking DataFusion is slow.

#![expect(clippy::unwrap_used, reason = "tests")]

mod basics;
mod declared;
mod depth;
mod device;
mod docs;
mod errors;
mod exact;
mod examples;
mod files;
mod join_order;
mod same_names;
mod numbers;
mod functions;
mod names;
mod prepared;
mod rules;
mod statistics;
mod readers;
mod support;
mod zones;
