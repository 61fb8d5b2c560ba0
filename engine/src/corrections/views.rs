//! Fault: CREATE VIEW brings the operands in a view to one type before any rule of the session's sees them: a date beside a
//! timestamp is one of nanoseconds then, whatever is asked of the view (DataFusion 55.2).
//!
//! Correction: what goes in front of that step is done when the view is made. Test: `engine/tests/session/views.rs`.

use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::Analyzer;

use super::rules::position;

/// The host's step.
const COERCION: &str = "type_coercion";

/// The query of a view, as the host may bring it to types.
///
/// # Errors
/// What the corrections refuse.
pub(crate) fn before_types(state: &SessionState, query: LogicalPlan) -> Result<LogicalPlan> {
    let analyzer = state.analyzer();
    let end = position(&analyzer.rules, COERCION).unwrap_or(0);
    let ours = analyzer.rules[..end].iter().filter(|rule| rule.name().starts_with("maar_"));
    let early = Analyzer { rules: ours.cloned().collect(), function_rewrites: analyzer.function_rewrites.clone() };
    early.execute_and_check(query, state.config_options(), |_, _| {})
}
