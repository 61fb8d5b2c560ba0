//! Random tables and expressions: what the differential test and the property oracles have in common. Not here: queries.

mod expression;
mod table;
mod text;
mod values;
mod wide;

pub use expression::{Grammar, literal};
pub use table::{Column, Kind, Table, Tables, WORDS, ZONE};

/// What tables and expressions may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// What plain DataFusion answers rightly: for a comparison with it.
    Host,
    /// Everything.
    All,
}
