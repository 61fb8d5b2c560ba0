//! Functions that DataFusion lacks and that no rewrite can say: `mode`, `histogram` and `entropy` of values counted one by one
//! (`counts`). Not here: functions that are written out as what DataFusion has (`dialect/functions`).

mod counts;

use std::sync::Arc;

use datafusion::execution::{SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::AggregateUDF;

/// Adds the functions to the session's.
pub(crate) fn install(builder: &mut SessionStateBuilder) {
    let aggregates =
        builder.aggregate_functions().get_or_insert_with(SessionStateDefaults::default_aggregate_functions);
    let known = |name: &str, all: &[Arc<AggregateUDF>]| all.iter().any(|function| function.name() == name);
    for function in counts::functions() {
        // One that a program registers comes first.
        if !known(function.name(), aggregates) {
            aggregates.push(Arc::new(function));
        }
    }
}
