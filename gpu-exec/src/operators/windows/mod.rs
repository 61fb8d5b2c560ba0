//! Windows: rows that were written out for window functions are sorted, and what the functions make becomes columns beside them
//! (`kernels/fixed/window`). The next pipeline reads both as a table of one segment.
//!
//! The floor, a row, beside the sort's: its words twice and a byte for heads; 8 bytes for each edge of partitions and peers that
//! is asked for, written once and read by each function; a scan reads its column twice and writes 8 or 16; a carried column is
//! read and written once. Not here: where the rows wait until then (`spill`), what the functions are (`strategy/window.rs`).

mod columns;
mod launches;
mod made;
mod scans;

pub(super) use columns::{row_bytes, wave};
