//! Stored bytes to device memory: one way for all columns, whoever stored them.

use std::sync::Arc;

use super::DeviceColumn;
use crate::device::{DeviceHandle, DeviceResult, Stream};

impl DeviceColumn {
    /// Queues copies of a column's values and, where some of them are NULL, of their validity: both padded to whole tiles. The
    /// copies are complete when `stream` has been waited for; the bytes may be reused on return. `of` names the column to who
    /// is refused memory for it.
    ///
    /// # Errors
    /// No room on the device, or a fault of it.
    pub fn upload(
        handle: &DeviceHandle,
        stream: &Stream,
        of: &str,
        (data, validity): (&[u8], Option<&[u8]>),
    ) -> DeviceResult<Self> {
        let copy = |what: &str, bytes: &[u8]| {
            let buffer = handle.alloc(&format!("{what} of {of}"), bytes.len())?;
            stream.upload(&buffer, 0, bytes)?;
            Ok::<_, crate::device::DeviceError>(Arc::new(buffer))
        };
        let data = copy("values", data)?;
        let validity = validity.map(|bits| copy("validity", bits)).transpose()?;
        Ok(Self { data, validity })
    }
}
