//! Errors of stores: a file that is not there, a request that was refused, or one that failed however often it was made.

use super::{Error, ErrorKind};
use crate::device::ScanError;

pub(super) fn store(error: &object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { path, .. } => {
            Error::new(ErrorKind::NotFound, format!("there is no file '/{}'", path.trim_start_matches('/')))
        }
        object_store::Error::Precondition { source, .. } if source.is::<ScanError>() => {
            Error::new(ErrorKind::Storage, source.to_string())
        }
        object_store::Error::PermissionDenied { source, .. } | object_store::Error::Unauthenticated { source, .. } => {
            Error::new(ErrorKind::Storage, source.to_string())
                .with_hint("CREATE SECRET (TYPE s3, KEY_ID '...', SECRET '...', SCOPE 's3://bucket') says who asks")
        }
        object_store::Error::Generic { source, .. } => Error::new(ErrorKind::Storage, with_causes(source.as_ref())),
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
