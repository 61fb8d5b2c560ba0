//! Fault: `SELECT max(a), max(b + 1)` skips files that cannot raise `max(a)`, whatever they hold of `b` (DataFusion 55.2).
//!
//! Correction: the dynamic filters of aggregates are off. Test: `tests/sqllogictest/slt/aggregate/ungrouped.slt`.

use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionConfig;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    let config = builder.config().get_or_insert_with(SessionConfig::new);
    config.options_mut().optimizer.enable_aggregate_dynamic_filter_pushdown = false;
}
