//! The tokio runtime Maar's binaries run on. Embedders may bring their own.

use tokio::runtime::{Builder, Runtime};

use crate::error::Result;

/// Stack of each worker. Plans are trees walked recursively; 16 MiB carries the deepest statement that
/// `script` admits in a debug build, with a wide margin.
pub(crate) const WORKER_STACK_BYTES: usize = 16 << 20;

/// A multi-threaded runtime with one worker a core and stacks deep enough for every admitted statement.
///
/// # Errors
/// When the operating system refuses threads.
pub fn runtime() -> Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all().thread_name("maar").thread_stack_size(WORKER_STACK_BYTES);
    Ok(builder.build().map_err(datafusion::error::DataFusionError::from)?)
}
