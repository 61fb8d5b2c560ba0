//! What SQL text means here, where DataFusion's planner would take it for something else: rewrites of the parsed statement,
//! one file each, before anything is planned.
//!
//! Not here: splitting scripts and parsing (`script`), and corrections of plans (`corrections`).

mod distinct_from;
mod having;
mod row_values;
mod templates;
mod using;
mod walk;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;

use crate::error::Result;

/// The statement that DataFusion is to plan for `statement`.
///
/// # Errors
/// Of kind Syntax or Unsupported, for what must not be taken for something else.
pub(crate) async fn rewrite(state: &SessionState, mut statement: Statement) -> Result<Statement> {
    // First: what binds wrongly is a tree that the others would keep.
    distinct_from::mend(&mut statement);
    using::write_out(state, &mut statement).await;
    having::write_out(&mut statement);
    row_values::write_out(&mut statement);
    Ok(statement)
}
