//! Where the engine underneath gives a wrong answer, the right one: one file a fault of DataFusion's.
//!
//! Each file opens with the fault, the upstream report where there is one, and the test that fails once the host is mended:
//! then the file goes. A correction is an option that is off, a rule of ours, a wrapper, or, where nothing else serves, a
//! rule of the host's taken out by name ([`rules`]). Not here: arithmetic that must not wrap (`exact`), and what SQL text
//! means before it is planned (`dialect`).

mod aggregate_dynamic_filters;
mod aggregate_schema_check;
mod equal_nulls;
mod filter_pushdown;
mod estimates;
mod listing_cache;
mod local_files;
pub(crate) mod rules;
mod set_operations_all;
mod subqueries;
mod statistics;

use datafusion::execution::SessionStateBuilder;

use crate::error::Result;

/// Installs every correction in the session that `builder` makes.
///
/// # Errors
/// [`crate::ErrorKind::Unsupported`] when the builder's optimizers lack a rule that a correction goes beside.
pub(crate) fn install(builder: &mut SessionStateBuilder) -> Result<()> {
    estimates::install(builder);
    listing_cache::install(builder)?;
    local_files::install(builder);
    aggregate_dynamic_filters::install(builder);
    aggregate_schema_check::install(builder);
    equal_nulls::install(builder)?;
    filter_pushdown::install(builder)?;
    set_operations_all::install(builder);
    subqueries::install(builder);
    statistics::install(builder)?;
    Ok(())
}
