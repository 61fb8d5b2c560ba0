//! How much of the host's memory one use of a query may take that can do with less: a part of what the session's memory and the
//! machine have left. What is taken is reserved with the session's memory besides.

use std::fs;

use datafusion::execution::memory_pool::{MemoryLimit, MemoryPool};

/// However little is left, so much is asked for: a reservation may still refuse it.
const BYTES_MIN: u64 = 256 << 20;

/// One part in so many of what is left now, in bytes.
pub(super) fn share_of_host(pool: &dyn MemoryPool, parts: u64) -> u64 {
    let limit = match pool.memory_limit() {
        MemoryLimit::Finite(bytes) => Some(bytes.saturating_sub(pool.reserved()) as u64),
        MemoryLimit::Infinite | MemoryLimit::Unknown => None,
    };
    // Without a limit of its own a session has not said that it may take much.
    let left = limit.map_or(0, |left| left.min(available(&fs::read_to_string("/proc/meminfo").unwrap_or_default())));
    (left / parts).max(BYTES_MIN)
}

/// Bytes that the machine could give without swapping, as Linux estimates it; 0 where nobody says.
fn available(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map_or(0, |kib| kib.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::{GreedyMemoryPool, UnboundedMemoryPool};

    use super::*;

    #[test]
    fn a_share_is_of_what_is_left_and_never_too_little_to_try() {
        assert_eq!(share_of_host(&UnboundedMemoryPool::default(), 3), BYTES_MIN);
        assert_eq!(share_of_host(&GreedyMemoryPool::new(1 << 20), 3), BYTES_MIN);
        let large = share_of_host(&GreedyMemoryPool::new(usize::MAX), 3);
        let machine = available(&fs::read_to_string("/proc/meminfo").unwrap_or_default());
        assert!(large >= BYTES_MIN && large <= (machine * 2 / 3).max(BYTES_MIN), "{large} of {machine}");
    }

    #[test]
    fn what_linux_says_is_read() {
        assert_eq!(available("MemTotal:  9 kB\nMemAvailable:   2048 kB\n"), 2 << 20);
        assert_eq!(available("MemAvailable: many\n"), 0);
        assert_eq!(available(""), 0);
    }
}
