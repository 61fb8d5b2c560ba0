//! The engine through its public door: one binary, because linking DataFusion is slow.

#![expect(clippy::unwrap_used, reason = "tests")]

mod basics;
mod beginnings;
mod changes;
mod clients;
mod copy;
mod declared;
mod delta;
mod depth;
mod device;
mod docs;
mod encryption;
mod errors;
mod everyday;
mod evolution;
mod exact;
mod examples;
mod explains;
mod files;
mod first_rows;
mod formats;
mod functions;
mod hive;
mod iceberg;
mod inserts;
mod join_filters;
mod join_order;
mod lake_writers;
mod likes;
mod listing;
mod lists;
mod names;
mod naming;
mod numbers;
mod other_writers;
mod paths;
mod plan_cache;
mod prepared;
mod readers;
mod remote;
mod reports;
mod rules;
mod same_names;
#[path = "../../../tests/src/skip.rs"]
mod skip;
mod spread;
mod statistics;
mod stores;
mod support;
mod views;
mod wide;
mod zones;
