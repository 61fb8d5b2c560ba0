//! Faults of what DataFusion makes of Parquet's statistics (55.2), all mended at one gate between footers and planner:
//!
//! - Where one row group lacks a bound, the others' bound is taken for the whole file's, and for an exact value: `min(s)`,
//!   `ORDER BY s LIMIT 1` and filters are wrong. A null count that is missing is taken for zero.
//! - Floats: NaN is in no statistics, so that it is read as its neighbour ('a constant column'), missed by filters, `max`
//!   and top-k, and a zero bound hides the other zero.
//! - A file without any value of a column has the bound NULL, which merges to whatever comes last.
//! - A count of distinct values is an exact answer to `count(DISTINCT x)`, though writers estimate it.
//! - Statistics of a column are used for one that is declared with a narrower type.
//! - Row groups that are sorted each are taken for a file that is sorted, also with NULLs in it.
//! - A column that is NOT NULL in one file and missing in another stays NOT NULL, and cannot be read.
//! - Files whose column grew (INT to BIGINT) are refused ([`widened`]).
//! - Bounds are cast as values are, whatever that does to their order ([`casts`]).
//!
//! Correction: Parquet's format is wrapped. Readers get footers that [`truthful`](maar_gpu_exec::scan::truthful) has
//! passed ([`reader`]), the planner gets statistics ([`facts`]) and orders ([`order`]) that say exact, inexact or absent
//! as it is, and the schema is as nullable as the files are ([`inferred`]). Footers are read once for all ([`footers`]). What a program registers passes it too
//! ([`registered`]).
//! Test: `engine/tests/session/statistics`.

mod casts;
mod facts;
mod footers;
mod format;
mod inferred;
mod keyed;
mod order;
mod reader;
mod registered;
mod types;
mod widened;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::optimizer::Analyzer;

use crate::error::Result;
use format::TruthfulFormats;

/// The extension by which the session finds Parquet's format.
const PARQUET: &str = "parquet";

pub(crate) use footers::{FileColumns, FileFacts, Lake};
pub(crate) use format::has_keys;
pub(crate) use inferred::united;
pub(crate) use keyed::READ_KEY;

pub(super) fn install(builder: &mut SessionStateBuilder) -> Result<()> {
    for format in builder.file_formats().iter_mut().flatten() {
        if format.get_ext() == PARQUET {
            *format = Arc::new(TruthfulFormats::new(Arc::clone(format)));
        }
    }
    builder.analyzer().get_or_insert_with(Analyzer::new).rules.insert(0, Arc::new(registered::TruthfulTables));
    casts::install(builder)
}
