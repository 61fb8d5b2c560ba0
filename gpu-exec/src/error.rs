//! Errors of device execution, by what the caller can do.

use datafusion::error::DataFusionError;
use thiserror::Error;

use crate::device::DeviceError;

pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong while a placed subtree runs.
#[derive(Debug, Error)]
pub enum Error {
    /// The query itself is at fault: overflow, division by zero, a failed cast.
    #[error("{0}")]
    Query(String),
    /// Data could not be read; the message names file and cause.
    #[error("{0}")]
    Data(String),
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
}

impl From<crate::scan::ScanError> for Error {
    fn from(error: crate::scan::ScanError) -> Self {
        match error {
            crate::scan::ScanError::Device(error) => Error::Device(error),
            other => Error::Data(other.to_string()),
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
