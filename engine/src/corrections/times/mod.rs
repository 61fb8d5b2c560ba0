//! Faults: times are compared in the wrong zone and to the wrong precision (DataFusion 55.2).
//!
//! A timestamp without zone that meets one with a zone is read in the other's zone, and not in the session's ([`zones`]). A
//! comparison brings both sides to the finer unit, so that `t < TIMESTAMP '9999-12-31'` overflows nanoseconds, and then cuts
//! a finer literal off to the column's unit ([`exact`]). A local time that a change of clocks skips or repeats fails
//! ([`local`]). A date beside a timestamp, `date_trunc` and `date_bin` go through nanoseconds, which end in 1677 and 2262
//! ([`dates`], [`date_trunc`], [`date_bin`], [`own_unit`]). Times of day of two units are not compared at all ([`refused`]).
//! Tests: `tests/sqllogictest/slt/times`, `engine/tests/session/zones.rs`.

mod clocks;
mod constants;
mod date_bin;
mod date_trunc;
mod dates;
mod exact;
mod local;
mod meetings;
mod numbers;
mod own_unit;
mod pairs;
mod refused;
mod times_of_rows;
mod units;
mod wrapped;
mod zones;

pub(super) use exact::{compare_exactly, has_cast_of_time};
pub(crate) use own_unit::TimestampOf;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::optimizer::Analyzer;

use super::rules::position;

/// The rule of the host that brings both sides of a comparison to one type.
const COERCION: &str = "type_coercion";

pub(super) fn install(builder: &mut SessionStateBuilder) -> crate::error::Result<()> {
    let analyzer = builder.analyzer().get_or_insert_with(Analyzer::new);
    analyzer.add_function_rewrite(Arc::new(own_unit::OwnUnits));
    analyzer.add_function_rewrite(Arc::new(refused::Lists));
    let rules = &mut analyzer.rules;
    let at = position(rules, COERCION)?;
    rules.insert(at + 1, Arc::new(exact::ExactTimes));
    rules.insert(at, Arc::new(meetings::Meetings));
    rules.push(Arc::new(local::LocalTimes));
    builder.expr_planners().get_or_insert_with(Vec::new).insert(0, Arc::new(refused::Comparisons));
    date_bin::DATE_BIN.install(builder);
    date_trunc::DATE_TRUNC.install(builder);
    Ok(())
}
