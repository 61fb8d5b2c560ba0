//! The device runtime: an open device and the columns that stay resident on it between queries.

use std::sync::Arc;

use crate::device::{DeviceChoice, DeviceHandle, DeviceOptions};
use crate::error::Result;
use crate::scan::ColumnStore;
use crate::strategy::Limits;

/// How a runtime is opened.
#[derive(Clone, Debug, Default)]
pub struct RuntimeOptions {
    pub device: DeviceOptions,
    /// Device memory for resident columns, in bytes; `None` leaves it to the arena's budget.
    pub resident_bytes: Option<u64>,
}

/// One open device, shared by the sessions that use it.
#[derive(Debug)]
pub struct DeviceRuntime {
    handle: Arc<DeviceHandle>,
    store: Arc<ColumnStore>,
}

impl DeviceRuntime {
    /// Opens a device.
    ///
    /// # Errors
    /// `Device` where it, its driver or its compiler is missing; the message says what and how to get it.
    pub fn open(choice: DeviceChoice, options: &RuntimeOptions) -> Result<Arc<Self>> {
        let handle = DeviceHandle::open(choice, &options.device)?;
        let store = ColumnStore::new(&handle, options.resident_bytes);
        Ok(Arc::new(Self { handle, store }))
    }

    pub fn handle(&self) -> &Arc<DeviceHandle> {
        &self.handle
    }

    pub fn store(&self) -> &Arc<ColumnStore> {
        &self.store
    }

    /// What strategy may count on.
    pub(super) fn limits(&self) -> Limits {
        Limits { shared_bytes: self.handle.info().shared_bytes_max, table_bytes: self.handle.memory().budget_bytes / 4 }
    }
}
