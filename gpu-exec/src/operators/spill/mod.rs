//! Rows that a stage has written out and another reads: they wait on the host, by the part of a dimension that they have, in
//! memory within a bound and in a file past it. The stage that reads tables of that dimension in parts reads of these rows
//! only those of the same part. Rows for a window wait here too, unless they are few enough to stay where they were put out: of
//! these all parts are read, as many at a time as there is room for. Not here: which stages do so (`strategy/spill.rs`,
//! `strategy/window.rs`), what is made of a window's rows (`windows`).

mod batch;
mod reading;
mod space;
mod store;
mod write;

pub use space::RowSpace;
pub use store::Written;

pub(super) use reading::{RowsState, column_meta};
