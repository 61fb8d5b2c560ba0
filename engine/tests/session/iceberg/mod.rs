//! Iceberg tables: written by pyiceberg, and by hand.

mod by_hand;
mod by_values;
mod metadata;
pub(crate) mod table;
mod written;
