//! Iceberg tables: written by pyiceberg, and by hand.

mod by_hand;
mod table;
mod written;
