//! What a process uses of the memory that its sessions share, for who watches over a server. Not here: what a query used (`device::report`).

use datafusion::execution::memory_pool::MemoryLimit;

use crate::device::session_devices;
use crate::session::Session;

/// Memory in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of host memory that queries hold.
    pub host_bytes: usize,
    /// The most that they may hold, where there is a limit.
    pub host_limit_bytes: Option<usize>,
    /// Bytes on disk that the host's operators wrote for want of memory.
    pub disk_bytes: u64,
    /// The open devices.
    pub devices: Vec<DeviceUsage>,
}

/// Memory in use of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceUsage {
    /// The device's name.
    pub name: String,
    /// Bytes of columns and of queries.
    pub used_bytes: u64,
    /// The most that this has been.
    pub peak_bytes: u64,
    /// The most that it may be.
    pub budget_bytes: u64,
}

impl Session {
    /// What the sessions that share devices and memory with this one use of them now.
    pub fn usage(&self) -> Usage {
        let state = self.context().state();
        let pool = &state.runtime_env().memory_pool;
        let host_limit_bytes = match pool.memory_limit() {
            MemoryLimit::Finite(bytes) => Some(bytes),
            MemoryLimit::Infinite | MemoryLimit::Unknown => None,
        };
        let devices = session_devices(state.config()).map(|devices| devices.usage()).unwrap_or_default();
        let devices = devices.into_iter().map(|(name, memory)| DeviceUsage {
            name,
            used_bytes: memory.used_bytes,
            peak_bytes: memory.peak_bytes,
            budget_bytes: memory.budget_bytes,
        });
        let disk_bytes = state.runtime_env().disk_manager.used_disk_space();
        Usage { host_bytes: pool.reserved(), host_limit_bytes, disk_bytes, devices: devices.collect() }
    }
}
