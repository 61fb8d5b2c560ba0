//! How often and how long a request is made again.

use std::time::Duration;

use crate::Secret;

/// Tries after the first, and the time that they may take together.
const RETRIES: u16 = 5;
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a secret says of it, or what is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tries {
    /// After the first.
    pub(crate) retries: u16,
    /// For all of them.
    pub(crate) within: Duration,
}

impl Tries {
    pub(crate) fn of(secret: Option<&Secret>) -> Self {
        let number = |option: &str| secret?.get(option)?.parse::<u16>().ok();
        Self {
            retries: number("max_retries").unwrap_or(RETRIES),
            within: number("retry_timeout").map_or(TIMEOUT, |seconds| Duration::from_secs(seconds.into())),
        }
    }
}
