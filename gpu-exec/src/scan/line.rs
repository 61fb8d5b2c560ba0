//! The line to a store: how many bytes are asked for at a time. Enough to keep the line busy between an answer and the next
//! question, and no more: what is asked for first is there first, so that work over it begins while the rest is on its way.

use tokio::sync::{Semaphore, SemaphorePermit};

use super::ScanError;

/// Bytes of a permit.
const UNIT: u64 = 64 << 10;
/// The part of all bytes of a load that is asked for at a time.
const SHARE: u64 = 4;
/// And its bounds. Eight MiB keep 200 MB/s busy over 40 ms; the most is for stores that are fast over many connections alone.
const BYTES_MIN: u64 = 8 << 20;
const BYTES_MAX: u64 = 512 << 20;

#[derive(Debug)]
pub(super) struct Line {
    units: Semaphore,
    /// Units that one may take: there are two at a time, however large.
    units_max: u32,
}

impl Line {
    /// For a load of so many bytes.
    pub(super) fn for_bytes(bytes: u64) -> Self {
        let units = (bytes / SHARE).clamp(BYTES_MIN, BYTES_MAX) / UNIT;
        Self { units: Semaphore::new(units as usize), units_max: (units / 2) as u32 }
    }

    /// Waits in turn until so many bytes may be asked for.
    pub(super) async fn take(&self, bytes: u64) -> Result<SemaphorePermit<'_>, ScanError> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.units_max);
        self.units.acquire_many(units).await.map_err(|_| ScanError::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn two_large_reads_go_at_a_time() {
        let line = Line::for_bytes(1 << 40);
        let first = line.take(1 << 40).await.unwrap();
        let _second = line.take(1 << 30).await.unwrap();
        assert_eq!(line.units.available_permits(), 0);
        drop(first);
        assert_eq!(line.units.available_permits() as u64 * UNIT, BYTES_MAX / 2);
        assert_eq!(Line::for_bytes(0).units.available_permits() as u64 * UNIT, BYTES_MIN);
    }
}
