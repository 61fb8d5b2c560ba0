//! Host memory and disk for rows that wait between two stages: a bound of their own, a reservation of the session's memory,
//! and behind both the session's temporary files.

use std::fmt;
use std::sync::{Arc, OnceLock};

use datafusion::execution::disk_manager::DiskManager;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::spill_file::SpillFile;
use parking_lot::Mutex;

use super::host_share::share_of_host;
use crate::error::Result;
use crate::operators::RowSpace;

/// Of what the host has left, rows may wait in this share of it for all stages of a run together.
const ROWS_SHARE: u64 = 4;

pub(super) struct HostSpace {
    /// Asked for when the first rows come: most runs write none.
    bytes_max: OnceLock<u64>,
    pool: Arc<dyn MemoryPool>,
    disk: Arc<DiskManager>,
    reservation: Mutex<MemoryReservation>,
}

impl HostSpace {
    pub(super) fn of(runtime: &RuntimeEnv) -> Arc<dyn RowSpace> {
        let (pool, disk) = (Arc::clone(&runtime.memory_pool), Arc::clone(&runtime.disk_manager));
        let reservation = Mutex::new(MemoryConsumer::new("rows between device stages").register(&pool));
        Arc::new(Self { bytes_max: OnceLock::new(), pool, disk, reservation })
    }
}

impl RowSpace for HostSpace {
    fn take(&self, bytes: u64) -> bool {
        let reservation = self.reservation.lock();
        let all = (reservation.size() as u64).saturating_add(bytes);
        let bytes_max = *self.bytes_max.get_or_init(|| share_of_host(self.pool.as_ref(), ROWS_SHARE));
        all <= bytes_max && reservation.try_grow(usize::try_from(bytes).unwrap_or(usize::MAX)).is_ok()
    }

    fn give(&self, bytes: u64) {
        let reservation = self.reservation.lock();
        reservation.shrink(usize::try_from(bytes).unwrap_or(usize::MAX).min(reservation.size()));
    }

    fn file(&self) -> Result<Arc<dyn SpillFile>> {
        Ok(self.disk.create_tmp_file("rows between device stages")?)
    }
}

impl fmt::Debug for HostSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostSpace").finish_non_exhaustive()
    }
}
