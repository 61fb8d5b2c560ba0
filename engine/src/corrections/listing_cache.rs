//! Fault: the cache of directory listings has no expiry, so that a new file stays unseen and a replaced one reads as corrupt.
//!
//! Correction: the cache is off. Test: `tests/promises/files.rs`.

use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;

use crate::error::Result;

pub(super) fn install(builder: &mut SessionStateBuilder) -> Result<()> {
    let runtime = builder.runtime_env().take().unwrap_or_default();
    let runtime = RuntimeEnvBuilder::from_runtime_env(&runtime).with_object_list_cache_limit(0).build_arc()?;
    *builder.runtime_env() = Some(runtime);
    Ok(())
}
