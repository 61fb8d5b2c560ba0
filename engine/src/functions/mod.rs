//! Functions that DataFusion lacks and that no rewrite can say: `mode`, `histogram` and `entropy` of values counted one by one
//! (`counts`), `age` of calendars (`age`), digits of other bases (`digits`), templates of text (`format`),
//! characters of strings (`subscripts`). Not here:
//! functions that are written out as what DataFusion has (`dialect/functions`).

mod age;
mod counts;
mod digits;
mod format;
mod subscripts;

use std::sync::Arc;

use datafusion::execution::{SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

/// Adds the functions, and subscripts of strings, to the session's. One that a program registers comes first.
pub(crate) fn install(builder: &mut SessionStateBuilder) {
    builder.expr_planners().get_or_insert_with(Vec::new).insert(0, Arc::new(subscripts::Subscripts));
    let aggregates =
        builder.aggregate_functions().get_or_insert_with(SessionStateDefaults::default_aggregate_functions);
    let known = |name: &str, all: &[Arc<AggregateUDF>]| all.iter().any(|function| function.name() == name);
    for function in counts::functions() {
        if !known(function.name(), aggregates) {
            aggregates.push(Arc::new(function));
        }
    }
    let scalars = builder.scalar_functions().get_or_insert_with(SessionStateDefaults::default_scalar_functions);
    let known = |name: &str, all: &[Arc<ScalarUDF>]| all.iter().any(|function| function.name() == name);
    for function in digits::functions().into_iter().chain(format::functions()).chain([age::function()]) {
        if !known(function.name(), scalars) {
            scalars.push(Arc::new(function));
        }
    }
}
