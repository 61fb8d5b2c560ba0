//! The device runtime: an open device and the columns that stay resident on it between queries.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use super::guests::{DeviceRoom, Guests, PATIENCE};
use super::room::INPUT_BYTES;
use crate::device::{DeviceChoice, DeviceError, DeviceHandle, DeviceOptions};
use crate::error::Result;
use crate::scan::{ColumnStore, SEGMENT_ROWS};
use crate::strategy::{Cuts, Limits};

/// How a runtime is opened.
#[derive(Clone, Debug, Default)]
pub struct RuntimeOptions {
    pub device: DeviceOptions,
    /// Device memory for resident columns, in bytes; `None` leaves it to the arena's budget.
    pub resident_bytes: Option<u64>,
    /// Rows that small row groups are gathered to; 0 leaves each by itself. `None`: `MAAR_SEGMENT_ROWS` where that is set,
    /// else a million.
    pub segment_rows: Option<usize>,
    /// Host memory for the rows of a query's host inputs, in bytes; `None`: a gibibyte.
    pub input_bytes: Option<u64>,
    /// How long a query waits for the memory of others before it makes do with less; `None`: ten seconds.
    pub patience: Option<Duration>,
}

impl RuntimeOptions {
    fn segment_rows_or_default(&self) -> Result<usize> {
        if let Some(rows) = self.segment_rows {
            return Ok(rows);
        }
        let Ok(text) = env::var("MAAR_SEGMENT_ROWS") else { return Ok(SEGMENT_ROWS) };
        let number = text.trim().parse();
        Ok(number
            .map_err(|_| DeviceError::invalid("MAAR_SEGMENT_ROWS", format!("`{text}` is not a number of rows")))?)
    }
}

/// One open device, shared by the sessions that use it.
#[derive(Debug)]
pub struct DeviceRuntime {
    handle: Arc<DeviceHandle>,
    store: Arc<ColumnStore>,
    input_bytes: u64,
    guests: Arc<Guests>,
}

impl DeviceRuntime {
    /// Opens a device.
    ///
    /// # Errors
    /// `Device` where it, its driver or its compiler is missing; the message says what and how to get it.
    pub fn open(choice: DeviceChoice, options: &RuntimeOptions) -> Result<Arc<Self>> {
        let handle = DeviceHandle::open(choice, &options.device)?;
        let store = ColumnStore::new(&handle, options.resident_bytes, options.segment_rows_or_default()?);
        let input_bytes = options.input_bytes.unwrap_or(INPUT_BYTES);
        let guests = Guests::new(options.patience.unwrap_or(PATIENCE));
        Ok(Arc::new(Self { handle, store, input_bytes, guests }))
    }

    pub fn handle(&self) -> &Arc<DeviceHandle> {
        &self.handle
    }

    pub fn store(&self) -> &Arc<ColumnStore> {
        &self.store
    }

    /// Gives its memory back once no query uses it, until it is used again: another runtime is to have the device. Statements
    /// that run go on.
    pub fn rest(&self) {
        self.handle.rest(true);
        self.store.clear();
    }

    /// Ends the rest.
    pub fn wake(&self) {
        self.handle.rest(false);
    }

    /// Host memory for the rows of a query's host inputs.
    pub(super) fn input_bytes(&self) -> u64 {
        self.input_bytes
    }

    /// The queries on the device.
    pub(super) fn guests(&self) -> &Arc<Guests> {
        &self.guests
    }

    /// The device's memory as one sees it who waits for some.
    pub(super) fn room(&self) -> DeviceRoom {
        let memory = self.handle.memory();
        DeviceRoom { in_use: memory.used_bytes.saturating_sub(self.store.stats().bytes), budget: memory.budget_bytes }
    }

    /// What strategy may count on.
    pub(super) fn limits(&self) -> Limits {
        let table_bytes = self.handle.memory().budget_bytes / 4;
        Limits { shared_bytes: self.handle.info().shared_bytes_max, table_bytes, parts: false, cuts: Cuts::NONE }
    }
}
