//! What SQL text means here, where DataFusion's planner would take it for something else: rewrites of the parsed statement,
//! one file each, before anything is planned.
//!
//! Not here: splitting scripts and parsing (`script`), and corrections of plans (`corrections`).

mod distinct_from;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;

use crate::error::Result;

/// The statement that DataFusion is to plan for `statement`.
///
/// # Errors
/// Of kind Syntax or Unsupported, for what must not be taken for something else.
pub(crate) async fn rewrite(_state: &SessionState, mut statement: Statement) -> Result<Statement> {
    distinct_from::mend(&mut statement);
    Ok(statement)
}
