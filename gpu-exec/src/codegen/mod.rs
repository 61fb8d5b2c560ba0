//! From a pipeline to CUDA source: pure functions, no device calls.
//!
//! The source is straight-line glue that reads like the query; all algorithms are in `kernels/`. It depends on the
//! pipeline's shape alone: constants, sizes and addresses are [`Argument`]s of the launch, so a query with other
//! literals or other data has the same source and compiles nothing.

mod arguments;
mod arithmetic;
mod body;
mod budget;
mod conversions;
mod failing;
mod keys;
mod parts;
mod printed;
mod probe;
mod registers;
mod sink;
mod text;
mod values;
mod writer;

use crate::device::SyncMode;
use crate::ir::{Pipeline, Sink, Source};

pub use arguments::{Argument, BuildPart, GroupPart};
pub(crate) use body::QUEUE_BYTES;
pub(crate) use failing::any_can_fail;
pub(crate) use keys::wide_words;
pub(crate) use sink::private_group_bytes;
pub(crate) use text::reads_text;

/// Most 8-byte arguments a launch passes by itself. A kernel with more takes the address of an array of them.
pub const ARGUMENTS_MAX: usize = 512;

/// The source of a pipeline and what its launch needs.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub entry: String,
    pub source: String,
    /// One 8-byte word each, in order: the launch's parameters, or what its only parameter points to where there are
    /// more than [`ARGUMENTS_MAX`].
    pub arguments: Vec<Argument>,
    /// Dynamic shared memory in bytes: `shared_bytes + groups * shared_bytes_per_group`.
    pub shared_bytes: u32,
    pub shared_bytes_per_group: u32,
    pub sync: SyncMode,
}

/// Writes the kernel of a pipeline.
pub fn generate(pipeline: &Pipeline) -> Kernel {
    body::Body::new(pipeline).generate(&entry_name(pipeline))
}

/// Names say what a kernel does, for profilers; never which tables or columns it reads.
fn entry_name(pipeline: &Pipeline) -> String {
    let source = match pipeline.source {
        Source::Table { .. } => "scan",
        Source::Groups(_) => "groups",
    };
    let sink = match &pipeline.sink {
        Sink::Build(_) => "build",
        Sink::Aggregate { .. } => "aggregate",
        Sink::Emit { .. } => "emit",
    };
    format!("maar_{source}_{sink}")
}
