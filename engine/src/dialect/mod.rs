//! What SQL text means here, where DataFusion's planner would take it for something else: rewrites of the parsed statement,
//! one file each, before anything is planned.
//!
//! Not here: splitting scripts and parsing (`script`), and corrections of plans (`corrections`).

mod like_escape;
mod quoted_paths;
mod refused;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;

use crate::error::Result;
pub(crate) use like_escape::NO_ESCAPE;
pub(crate) use refused::check_option;

/// The statement that DataFusion is to plan for `statement`.
///
/// # Errors
/// Of kind Syntax or Unsupported, for what must not be taken for something else.
pub(crate) async fn rewrite(state: &SessionState, mut statement: Statement) -> Result<Statement> {
    refused::check(&statement)?;
    like_escape::rewrite(&mut statement);
    quoted_paths::rewrite(state, &mut statement);
    Ok(statement)
}
