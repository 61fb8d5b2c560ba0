//! Errors of stores: a file that is not there, a request that was refused, or one that failed however often it was made.

use maar_stores::HdfsFailure;

use super::{Error, ErrorKind};
use crate::device::ScanError;

const UNREACHABLE: &str = "is the cluster running, and is that its name node or, with HADOOP_CONF_DIR or CONFIG_DIR of CREATE SECRET \
                           (TYPE hdfs), its name service?";

pub(super) fn store(error: &object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { path, .. } => {
            Error::new(ErrorKind::NotFound, format!("there is no file '/{}'", path.trim_start_matches('/')))
        }
        object_store::Error::Precondition { source, .. } if source.is::<ScanError>() => {
            Error::new(ErrorKind::Storage, source.to_string())
        }
        object_store::Error::PermissionDenied { source, .. } | object_store::Error::Unauthenticated { source, .. } => {
            let hint = match source.is::<HdfsFailure>() {
                true => "HADOOP_USER_NAME or CREATE SECRET (TYPE hdfs, USER '...', SCOPE 'hdfs://...') says who asks",
                false => "CREATE SECRET (TYPE s3, KEY_ID '...', SECRET '...', SCOPE 's3://bucket') says who asks",
            };
            Error::new(ErrorKind::Storage, source.to_string()).with_hint(hint)
        }
        object_store::Error::Generic { source, .. } => {
            let error = Error::new(ErrorKind::Storage, with_causes(source.as_ref()));
            match source.downcast_ref::<HdfsFailure>().is_some_and(HdfsFailure::is_unreachable) {
                true => error.with_hint(UNREACHABLE),
                false => error,
            }
        }
        other => Error::new(ErrorKind::Storage, other.to_string()),
    }
}

/// An error with what is behind it: of a request that was refused or reset, the outermost says no more than that it failed.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !message.contains(&said) {
            message = format!("{message}: {said}");
        }
        next = cause.source();
    }
    message
}
