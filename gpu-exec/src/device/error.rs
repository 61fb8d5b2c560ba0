//! What can go wrong on a device, by what the caller can do about it.

use thiserror::Error;

pub type DeviceResult<T> = std::result::Result<T, DeviceError>;

/// An error of the device layer.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// The device or what it needs (driver, NVRTC, C++ compiler) is not there; `remedy` says how to get it.
    #[error("{what}. {remedy}")]
    Unavailable { what: String, remedy: String },
    /// An allocation or reservation was refused; the caller may evict, shrink its batch or spill.
    #[error("device memory: {operation} asked for {asked_bytes} bytes; {used_bytes} of {budget_bytes} bytes are in use (raise `maar.device_memory`)")]
    OutOfMemory { operation: String, asked_bytes: u64, used_bytes: u64, budget_bytes: u64 },
    /// Generated or fixed device code did not compile: a bug of ours. `log` is the compiler's own text.
    #[error("device code of `{entry}` did not compile: {log}")]
    Compile { entry: String, log: String },
    /// The driver or the emulator reported a fault; results of the running query are lost.
    #[error("device fault in {call}: {message}")]
    Fault { call: String, message: String },
}
