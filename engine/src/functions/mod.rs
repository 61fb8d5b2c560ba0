//! Functions that DataFusion lacks and that no rewrite can say: `mode`, `histogram` and `entropy` of values counted one by one
//! (`counts`), `age` of calendars (`age`), digits of other bases (`digits`), digests (`sha1`), templates of text (`format`),
//! JSON in strings (`json`), aggregates of lists (`list_aggregates`, `list_reduce`), characters of strings (`subscripts`), `//` (`whole_division`),
//! `INTERVAL * n` (`interval_products`). Not here:
//! functions that are written out as what DataFusion has (`dialect/functions`).

mod age;
mod counts;
mod digits;
mod format;
mod interval_products;
mod json;
mod list_aggregates;
mod list_reduce;
mod sha1;
mod subscripts;
mod whole_division;

use std::sync::Arc;

use datafusion::execution::{SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

/// Adds the functions, and subscripts of strings, to the session's. One that a program registers comes first.
pub(crate) fn install(builder: &mut SessionStateBuilder) {
    let planners = builder.expr_planners().get_or_insert_with(Vec::new);
    planners.insert(0, Arc::new(subscripts::Subscripts));
    planners.insert(0, Arc::new(whole_division::WholeDivision));
    planners.insert(0, Arc::new(interval_products::IntervalProducts));
    let aggregates =
        builder.aggregate_functions().get_or_insert_with(SessionStateDefaults::default_aggregate_functions);
    let known = |name: &str, all: &[Arc<AggregateUDF>]| all.iter().any(|function| function.name() == name);
    for function in counts::functions() {
        if !known(function.name(), aggregates) {
            aggregates.push(Arc::new(function));
        }
    }
    let of_lists = list_aggregates::functions(aggregates);
    builder
        .higher_order_functions()
        .get_or_insert_with(SessionStateDefaults::default_higher_order_functions)
        .push(Arc::new(list_reduce::function()));
    let scalars = builder.scalar_functions().get_or_insert_with(SessionStateDefaults::default_scalar_functions);
    let known = |name: &str, all: &[Arc<ScalarUDF>]| all.iter().any(|function| function.name() == name);
    let others = digits::functions().into_iter().chain(format::functions()).chain([age::function(), sha1::function()]);
    for function in others.chain(of_lists).chain(json::functions()) {
        if !known(function.name(), scalars) {
            scalars.push(Arc::new(function));
        }
    }
}
