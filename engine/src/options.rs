//! Values of options that DataFusion takes as they come and stumbles over later: they are checked when they are set.

use datafusion::arrow::array::timezone::Tz;

use crate::error::{Error, ErrorKind, Result};

const TIME_ZONE: &str = "datafusion.execution.time_zone";

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
