//! How much memory this process may use, read from the operating system. Not a memory pool.

use std::fs;

/// Used where the machine's memory cannot be read.
const UNKNOWN_MACHINE_BYTES: usize = 4 << 30;
const DEFAULT_SHARE_PERCENT: usize = 70;

/// The default limit of the host memory pool in bytes: 70 % of what the machine or its cgroup has.
pub(crate) fn default_limit_bytes() -> usize {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    limit_bytes(&read("/proc/meminfo"), &read("/sys/fs/cgroup/memory.max"))
}

/// The same by what these two files say.
fn limit_bytes(meminfo: &str, memory_max: &str) -> usize {
    // "max" when unlimited, which does not parse.
    let cgroup = memory_max.trim().parse().ok();
    let least = [machine_bytes(meminfo), cgroup].into_iter().flatten().min().unwrap_or(UNKNOWN_MACHINE_BYTES);
    least / 100 * DEFAULT_SHARE_PERCENT
}

fn machine_bytes(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_a_share_of_the_smaller_of_machine_and_cgroup() {
        let machine = "MemTotal:       16000000 kB\nMemFree:         1000 kB\n";
        assert_eq!(limit_bytes(machine, "max\n"), (16_000_000 << 10) / 100 * 70);
        assert_eq!(limit_bytes(machine, "2000000000\n"), 1_400_000_000);
        assert_eq!(limit_bytes(machine, ""), limit_bytes(machine, "99999999999999\n"));
        assert_eq!(limit_bytes("", ""), (4 << 30) / 100 * 70);
    }

    #[test]
    fn this_machine_says_what_it_has() {
        assert_ne!(default_limit_bytes(), limit_bytes("", ""));
    }
}
