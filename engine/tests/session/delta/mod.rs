//! Delta tables: written by others, and by hand.

mod damaged;
mod evolution;
pub(crate) mod log;
mod naming;
mod protocol;
pub(crate) mod vectors;
mod written;
