//! What can go wrong on a device, by what the caller can do about it.
//!
//! Not here: errors a kernel finds in the data (overflow, division by zero), which it writes to its own error word.

use thiserror::Error;

pub type DeviceResult<T> = std::result::Result<T, DeviceError>;

/// An error of the device layer.
#[derive(Clone, Debug, Error)]
pub enum DeviceError {
    /// The device or what it needs (driver, NVRTC, C++ compiler) is not there; `remedy` says how to get it.
    #[error("{what}. {remedy}")]
    Unavailable { what: String, remedy: String },
    /// An allocation or reservation was refused; the caller may evict, shrink its batch or spill.
    #[error(
        "device memory: {operation} asked for {asked_bytes} bytes; {used_bytes} of {budget_bytes} bytes are in use (raise `maar.device_memory`)"
    )]
    OutOfMemory { operation: String, asked_bytes: u64, used_bytes: u64, budget_bytes: u64 },
    /// Generated or fixed device code did not compile: a bug of ours. `log` is the compiler's own words.
    #[error("device code of `{entry}` did not compile: {log}")]
    Compile { entry: String, log: String },
    /// The driver or the emulator reported a fault; results of the running query are lost.
    #[error("device fault in {call}: {message}")]
    Fault { call: String, message: String },
    /// A call that can never succeed as made (a range outside its buffer, a launch shape the device lacks): a bug of the caller.
    #[error("{call}: {message}")]
    InvalidCall { call: String, message: String },
}

impl DeviceError {
    pub(crate) fn fault(call: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Fault { call: call.into(), message: message.into() }
    }

    pub(crate) fn invalid(call: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidCall { call: call.into(), message: message.into() }
    }

    pub(crate) fn unavailable(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Unavailable { what: what.into(), remedy: remedy.into() }
    }
}
