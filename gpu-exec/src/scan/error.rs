//! What can go wrong between a file and a device table, by what the caller can do about it.

use arrow::datatypes::DataType;
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::path::Path;
use thiserror::Error;

use crate::column::EncodeError;
use crate::device::DeviceError;

/// An error of the scan.
#[derive(Debug, Error)]
pub enum ScanError {
    /// A file of the plan is no longer there.
    #[error("file '{path}' is gone; it was deleted after the table was listed. Run the query again")]
    FileGone { path: String },
    /// A file was replaced while it was being read.
    #[error("file '{path}' was replaced while it was being read. Run the query again")]
    FileChanged { path: String },
    /// The object store failed for another reason.
    #[error("reading '{path}': {source}")]
    Store { path: String, source: object_store::Error },
    /// The bytes are no valid Parquet, or not what the footer promises.
    #[error("file '{path}'{} is corrupt: {message}", row_group.map(|g| format!(", row group {g}")).unwrap_or_default())]
    Corrupt { path: String, row_group: Option<usize>, message: String },
    /// Valid, but nothing the device can hold.
    #[error("column {column} of '{path}': {message}")]
    Unsupported { path: String, column: String, message: String },
    /// A host input whose type has no stored form.
    #[error("column {column} of type {data_type} cannot be uploaded; place its operator on the host")]
    UploadType { column: String, data_type: DataType },
    #[error("column {column}: {source}")]
    Encode { column: String, source: EncodeError },
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A bug of ours: a decoding task died.
    #[error("a loading task failed: {0}")]
    Task(String),
    /// The query was cancelled while its data was being loaded.
    #[error("loading was cancelled")]
    Cancelled,
}

impl ScanError {
    /// An error of the store about one file, told apart by whether the file is gone.
    pub(crate) fn store(path: &Path, source: object_store::Error) -> Self {
        match source {
            object_store::Error::NotFound { .. } => ScanError::FileGone { path: path.to_string() },
            source => ScanError::Store { path: path.to_string(), source },
        }
    }

    /// The same error with its file's path as the user writes it: paths within a store do not say which store.
    #[must_use]
    pub fn within(self, store: &ObjectStoreUrl) -> Self {
        self.within_root(store.as_str())
    }

    /// The same for a store by its URL.
    pub(crate) fn within_root(mut self, root: &str) -> Self {
        if let ScanError::FileGone { path }
        | ScanError::FileChanged { path }
        | ScanError::Store { path, .. }
        | ScanError::Corrupt { path, .. }
        | ScanError::Unsupported { path, .. } = &mut self
        {
            *path = format!("{}{path}", root.strip_prefix("file://").unwrap_or(root));
        }
        self
    }

    /// The same error as stores tell it.
    pub fn as_of_store(self) -> object_store::Error {
        match self {
            ScanError::Store { source, .. } => source,
            ScanError::FileGone { ref path } => {
                object_store::Error::NotFound { path: path.clone(), source: self.into() }
            }
            ScanError::FileChanged { ref path } => {
                object_store::Error::Precondition { path: path.clone(), source: self.into() }
            }
            other => object_store::Error::Generic { store: "file", source: other.into() },
        }
    }

    /// The file that is gone or another one now, before its path was put in other words.
    pub(crate) fn outdated(&self) -> Option<Path> {
        match self {
            ScanError::FileGone { path } | ScanError::FileChanged { path } => Path::parse(path).ok(),
            _ => None,
        }
    }

    /// Whether the data are right, and nothing that the device can hold.
    pub fn is_refusal(&self) -> bool {
        match self {
            ScanError::Unsupported { .. } | ScanError::UploadType { .. } | ScanError::Encode { .. } => true,
            ScanError::Device(error) => matches!(error, DeviceError::OutOfMemory { .. }),
            ScanError::FileGone { .. }
            | ScanError::FileChanged { .. }
            | ScanError::Store { .. }
            | ScanError::Corrupt { .. }
            | ScanError::Task(_)
            | ScanError::Cancelled => false,
        }
    }

    pub(crate) fn corrupt(path: &Path, row_group: Option<usize>, message: impl ToString) -> Self {
        ScanError::Corrupt { path: path.to_string(), row_group, message: message.to_string() }
    }
}
