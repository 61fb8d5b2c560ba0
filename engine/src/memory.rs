//! How much memory this process may use, read from the operating system. Not a memory pool.

use std::fs;

/// Used where the machine's memory cannot be read.
const UNKNOWN_MACHINE_BYTES: usize = 4 << 30;
const DEFAULT_SHARE_PERCENT: usize = 70;

/// The default limit of the host memory pool in bytes: 70 % of what the machine or its cgroup has.
pub(crate) fn default_limit_bytes() -> usize {
    let limits = [machine_bytes(), cgroup_bytes()];
    let least = limits.into_iter().flatten().min().unwrap_or(UNKNOWN_MACHINE_BYTES);
    least / 100 * DEFAULT_SHARE_PERCENT
}

fn machine_bytes() -> Option<usize> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

fn cgroup_bytes() -> Option<usize> {
    // "max" when unlimited, which does not parse.
    fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::default_limit_bytes;

    #[test]
    fn the_default_is_a_sane_size() {
        assert!((256 << 20..1usize << 50).contains(&default_limit_bytes()));
    }
}
