//! What written rows may take of the host: asked of who runs the query.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::execution::spill_file::SpillFile;

use crate::error::Result;

/// Host memory and disk for rows.
pub trait RowSpace: Debug + Send + Sync {
    /// Takes so many bytes of memory more; `false` where there are none.
    fn take(&self, bytes: u64) -> bool;

    /// Gives bytes of memory back.
    fn give(&self, bytes: u64);

    /// A file, which goes when nobody holds it any more.
    ///
    /// # Errors
    /// Where none may be written.
    fn file(&self) -> Result<Arc<dyn SpillFile>>;
}
