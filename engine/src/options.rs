//! Options when they are set: values that DataFusion takes as they come and stumbles over later, and options of the whole process,
//! which a client's session does not set.

use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::logical_expr::Statement;
use datafusion::prelude::SessionConfig;

use crate::error::{Error, ErrorKind, Result};

const TIME_ZONE: &str = "datafusion.execution.time_zone";

/// Options that say what all sessions share: the memory of the devices, and DataFusion's runtime (memory, spilling, caches).
const OF_THE_PROCESS: &[&str] = &["maar.device_memory", "maar.resident_memory"];
const OF_THE_RUNTIME: &str = "datafusion.runtime.";

/// Marks the options of a client's session.
struct OfAClient;

/// From here on the options of the process cannot be set.
pub(crate) fn guard_those_of_the_process(config: &mut SessionConfig) {
    config.set_extension(Arc::new(OfAClient));
}

/// # Errors
/// [`ErrorKind::Invalid`] when `statement` sets what the session must not, or to what the option cannot take.
pub(crate) fn check_set(config: &SessionConfig, statement: &Statement) -> Result<()> {
    match statement {
        Statement::SetVariable(set) => {
            check_right(config, &set.variable)?;
            check(&set.variable, &set.value)
        }
        Statement::ResetVariable(reset) => check_right(config, &reset.variable),
        _ => Ok(()),
    }
}

fn check_right(config: &SessionConfig, option: &str) -> Result<()> {
    let name = option.to_lowercase();
    let is_shared = OF_THE_PROCESS.contains(&name.as_str()) || name.starts_with(OF_THE_RUNTIME);
    if is_shared && config.get_extension::<OfAClient>().is_some() {
        let message = format!("{name} is an option of the whole server: no client's session can set it");
        return Err(Error::new(ErrorKind::Invalid, message).with_hint("who starts the server decides it"));
    }
    Ok(())
}

/// # Errors
/// [`ErrorKind::Invalid`] for a value that the option cannot take.
pub(crate) fn check(option: &str, value: &str) -> Result<()> {
    if !option.eq_ignore_ascii_case(TIME_ZONE) || value.parse::<Tz>().is_ok() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, format!("{TIME_ZONE} cannot be '{value}': there is no such time zone"))
        .with_hint("write a name such as 'Europe/Berlin' or 'UTC', or an offset such as '+02:00'"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn zones_are_names_or_offsets() {
        for zone in ["UTC", "Europe/Berlin", "+02:00", "-0330", "+00"] {
            check(TIME_ZONE, zone).unwrap();
        }
        for zone in ["Mars/X", "", "LOCAL"] {
            assert_eq!(check(TIME_ZONE, zone).unwrap_err().kind(), ErrorKind::Invalid);
        }
        check("datafusion.execution.batch_size", "Mars/X").unwrap();
    }
}
