//! Host memory and disk for rows that wait between two stages: a bound of their own, a reservation of the session's memory,
//! and behind both the session's temporary files.

use std::fmt;
use std::sync::Arc;

use datafusion::execution::disk_manager::DiskManager;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::spill_file::SpillFile;
use parking_lot::Mutex;

use crate::error::Result;
use crate::operators::RowSpace;

/// Bytes of rows that wait in memory for all stages of a run together; less where the session's memory has less left.
const ROW_BYTES: usize = 256 << 20;

pub(super) struct HostSpace {
    disk: Arc<DiskManager>,
    reservation: Mutex<MemoryReservation>,
}

impl HostSpace {
    pub(super) fn of(runtime: &RuntimeEnv) -> Arc<dyn RowSpace> {
        let reservation = MemoryConsumer::new("rows between device stages").register(&runtime.memory_pool);
        Arc::new(Self { disk: Arc::clone(&runtime.disk_manager), reservation: Mutex::new(reservation) })
    }
}

impl RowSpace for HostSpace {
    fn take(&self, bytes: u64) -> bool {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let reservation = self.reservation.lock();
        reservation.size().saturating_add(bytes) <= ROW_BYTES && reservation.try_grow(bytes).is_ok()
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
