//! Where the engine underneath gives a wrong answer, the right one: one file a fault of DataFusion's.
//!
//! Each file opens with the fault, the upstream report where there is one, and the test that fails once the host is mended:
//! then the file goes. A correction is an option that is off, a rule of ours, a wrapper, or, where nothing else serves, a
//! rule of the host's taken out by name ([`rules`]). Not here: arithmetic that must not wrap (`exact`), and what SQL
//! means before it is planned (`dialect`).

mod aggregate_dynamic_filters;
mod aggregate_schema_check;
pub(crate) mod assigned_parameters;
pub(crate) mod changes;
mod computed_keys;
mod constant_keys;
mod date_numbers;
mod dependencies;
mod duration_parts;
mod empty_rows;
mod equal_nulls;
mod estimates;
mod filter_pushdown;
mod floats;
mod floats_and_decimals;
mod intervals;
mod join_order;
mod like_dictionaries;
mod like_escape;
mod list_length;
mod listing_cache;
mod local_files;
mod nth_value;
mod null_ranges;
mod null_window_arguments;
mod nullif;
pub(crate) mod plans;
mod prepared_distinct_on;
mod range_frames;
mod round_digits;
pub(crate) mod rules;
mod set_operations_all;
mod simplify;
mod sliced_lists;
mod sliding_floats;
pub(crate) mod statistics;
mod subqueries;
mod texts_as_decimals;
mod times;
pub(crate) mod views;
mod whole_decimals;
mod window_keys;
mod years;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

pub(crate) use times::TimestampOf;

use crate::error::Result;

/// Installs every correction in the session that `builder` makes.
///
/// # Errors
/// [`crate::ErrorKind::Unsupported`] when the builder's optimizers lack a rule that a correction goes beside.
pub(crate) fn install(builder: &mut SessionStateBuilder) -> Result<()> {
    estimates::install(builder);
    join_order::install(builder)?;
    listing_cache::install(builder)?;
    local_files::install(builder);
    aggregate_dynamic_filters::install(builder);
    floats_and_decimals::install(builder)?;
    aggregate_schema_check::install(builder);
    dependencies::install(builder)?;
    equal_nulls::install(builder)?;
    constant_keys::install(builder)?;
    filter_pushdown::install(builder)?;
    set_operations_all::install(builder);
    intervals::install(builder);
    subqueries::install(builder);
    statistics::install(builder)?;
    prepared_distinct_on::install(builder)?;
    simplify::install(builder)?;
    times::install(builder)?;
    range_frames::install(builder)?;
    null_ranges::install(builder);
    empty_rows::install(builder);
    computed_keys::install(builder);
    floats::install(builder);
    sliding_floats::install(builder);
    nullif::install(builder);
    date_numbers::install(builder);
    duration_parts::install(builder);
    years::install(builder);
    round_digits::install(builder);
    texts_as_decimals::install(builder);
    whole_decimals::install(builder);
    like_dictionaries::install(builder);
    like_escape::install(builder);
    list_length::install(builder);
    nth_value::install(builder);
    null_window_arguments::install(builder);
    sliced_lists::install(builder);
    Ok(())
}

/// The plan as placement saw it: without what corrections add for the host behind placement.
///
/// # Errors
/// When an operator cannot be made again.
pub(crate) fn as_placed(plan: Arc<dyn ExecutionPlan>) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
    floats::without_canonical(simplify::as_placed(plan)?)
}

type PhysicalRule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// The rules that go right before placement.
pub(crate) fn before_placement() -> Vec<PhysicalRule> {
    vec![simplify::before_placement()]
}

/// The rules that go right behind placement, for what stayed on the host.
pub(crate) fn behind_placement() -> Vec<PhysicalRule> {
    vec![floats::host_rule(), simplify::behind_placement()]
}
