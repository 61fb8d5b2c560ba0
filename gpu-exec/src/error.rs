//! Errors of device execution, by what the caller can do.

use datafusion::error::DataFusionError;
use thiserror::Error;

use crate::device::DeviceError;
use crate::scan::ScanError;

pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong while a placed subtree runs.
#[derive(Debug, Error)]
pub enum Error {
    /// The query itself is at fault: overflow, division by zero, a failed cast.
    #[error("{0}")]
    Query(String),
    /// Data could not be read; the message names file and cause.
    #[error(transparent)]
    Scan(ScanError),
    /// A table is not what was begun with, or could not be loaded: who waits for the load knows which. Never leaves the device.
    #[error("internal error of the device engine: a table was not what was expected")]
    Unsettled,
    /// Right, and nothing that the device can hold.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Host(#[from] DataFusionError),
    /// A bug of ours.
    #[error("internal error of the device engine: {0}")]
    Internal(String),
}

/// What the error word of a launch says of values, in the words that [`Error::Query`] has then.
pub const OVERFLOW: &str = "Arithmetic overflow: a result does not fit its type. Cast an operand to a wider type";
pub const DIVISION_BY_ZERO: &str = "Divide by zero error. Guard the divisor, for example with NULLIF(divisor, 0)";
pub const CAST: &str = "Cast error: a value does not fit the target type. TRY_CAST gives NULL instead";

impl Error {
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Error::Internal(message.into())
    }

    /// Whether the device has no form or no room for what it was to do: the host may do it.
    pub fn is_refusal(&self) -> bool {
        match self {
            Error::Refused(_) => true,
            Error::Scan(error) => error.is_refusal(),
            Error::Device(error) => matches!(error, DeviceError::OutOfMemory { .. }),
            Error::Query(_) | Error::Host(_) | Error::Internal(_) | Error::Unsettled => false,
        }
    }
}

impl From<ScanError> for Error {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Device(error) => Error::Device(error),
            other => Error::Scan(other),
        }
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Error::Host(error.into())
    }
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        match error {
            Error::Host(error) => error,
            Error::Query(message) => DataFusionError::Execution(message),
            other => DataFusionError::External(Box::new(other)),
        }
    }
}
