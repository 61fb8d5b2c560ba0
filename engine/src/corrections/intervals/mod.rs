//! Fault: intervals are ordered by their months, then days, then time of day (DataFusion 55.2), so that 25 hours are less than
//! a day; and a difference of two times has hours alone: `t2 - t1 > INTERVAL '1 day'` is never true.
//!
//! Correction: what counts is their length ([`length`]), a month of 30 days and a day of 24 hours, as in DuckDB and PostgreSQL:
//! in comparisons of every kind ([`comparisons`]), in ORDER BY and the keys of windows, joins and groups ([`keys`], [`groups`]),
//! in MIN and MAX ([`extremes`]), in `array_agg(DISTINCT ...)` ([`lists`]). Of intervals that are equally long a group shows the one that the host calls least.
//! Tests: `tests/sqllogictest/slt/times/interval_lengths.slt`, `interval_keys.slt`.
//!
//! Not here: the functions of lists, which go by months.

mod comparisons;
mod extremes;
mod groups;
mod keys;
mod length;
mod lists;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, IntervalUnit};
use datafusion::execution::SessionStateBuilder;
use datafusion::optimizer::Analyzer;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// The rule for keys goes where types are coerced and set operations are joins, and before the one that makes joins of
/// subqueries: those find their outer rows again by what the intervals are, not by how long.
pub(super) fn install(builder: &mut SessionStateBuilder) {
    let analyzer = builder.analyzer().get_or_insert_with(Analyzer::new);
    analyzer.add_function_rewrite(Arc::new(comparisons::CompareLengths));
    analyzer.rules.push(Arc::new(keys::KeysByLength));
}
