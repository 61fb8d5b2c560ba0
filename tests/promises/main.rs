//! What a user is promised of a session on a device, on TPC-H at scale 0.01: a query run again compiles nothing and
//! reads nothing, other literals compile nothing, `maar.require_device` means it, changed files are seen, and a query
//! that ends early leaves no memory behind.
//!
//! Looked at from outside, through reports and counters. Not here: whether answers are right (`tpch`).

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod early;
mod files;
mod hot;
mod lake;
mod require;
