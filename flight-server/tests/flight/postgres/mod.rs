//! PostgreSQL's protocol, by a client of our own that sends what it likes: what libpq and its kin see is tested with them elsewhere.

mod cancel;
mod catalog;
mod client;
mod extended;
mod hostile;
mod login;
mod settings;
mod simple;
mod types;
