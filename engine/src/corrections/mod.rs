//! Where the engine underneath gives a wrong answer, the right one: one file a fault of DataFusion's.
//!
//! Each file opens with the fault, the upstream report where there is one, and the test that fails once the host is mended:
//! then the file goes. A correction is an option that is off, a rule of ours, a wrapper, or, where nothing else serves, a
//! rule of the host's taken out by name ([`rules`]). Not here: arithmetic that must not wrap (`exact`), and what SQL text
//! means before it is planned (`dialect`).

mod aggregate_dynamic_filters;
mod like_dictionaries;
mod like_escape;
mod listing_cache;
pub(crate) mod rules;

use datafusion::execution::SessionStateBuilder;

use crate::error::Result;

/// Installs every correction in the session that `builder` makes.
///
/// # Errors
/// [`crate::ErrorKind::Unsupported`] when the builder's optimizers lack a rule that a correction goes beside.
pub(crate) fn install(builder: &mut SessionStateBuilder) -> Result<()> {
    listing_cache::install(builder)?;
    aggregate_dynamic_filters::install(builder);
    like_dictionaries::install(builder);
    like_escape::install(builder);
    Ok(())
}
