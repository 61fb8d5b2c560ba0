//! Requests that fail: the method, the URL, how often it was asked for, and what Hadoop says of it without its stack.

use std::io::ErrorKind;

use hdfs_native::HdfsError;

/// The name of the store in errors of `object_store`.
pub(super) const STORE: &str = "HDFS";

/// A request to a cluster that failed.
#[derive(Debug, thiserror::Error)]
#[error("{method} of '{url}' failed{tried}: {cause}")]
pub struct HdfsFailure {
    method: &'static str,
    url: String,
    /// How often or how long it was tried, where that was more than once.
    tried: String,
    cause: String,
    is_unreachable: bool,
}

impl HdfsFailure {
    pub(super) fn new(method: &'static str, url: String, tried: String, cause: &HdfsError) -> Self {
        let is_unreachable = matches!(cause, HdfsError::IOError(_));
        Self { method, url, tried, cause: said(cause), is_unreachable }
    }

    /// A request that nobody answered.
    pub(super) fn silent(method: &'static str, url: String, seconds: u64) -> Self {
        let cause = "no answer".to_string();
        Self { method, url, tried: format!(" after {seconds} s"), cause, is_unreachable: true }
    }

    /// Whether no machine of the cluster was reached, or none answered.
    pub fn is_unreachable(&self) -> bool {
        self.is_unreachable
    }
}

/// Exceptions of Hadoop that have a kind here.
const NOT_FOUND: [&str; 2] = ["java.io.FileNotFoundException", "org.apache.hadoop.fs.ParentNotDirectoryException"];
const DENIED: [&str; 2] = [
    "org.apache.hadoop.security.AccessControlException",
    "org.apache.hadoop.security.authorize.AuthorizationException",
];
const STANDBY: &str = "org.apache.hadoop.ipc.StandbyException";

/// The error of a request about `path`, which has no slash at its beginning.
pub(super) fn of(path: &str, cause: &HdfsError, failure: HdfsFailure) -> object_store::Error {
    let (path, source) = (path.to_string(), Box::new(failure));
    match cause {
        HdfsError::FileNotFound(_) => object_store::Error::NotFound { path, source },
        HdfsError::AlreadyExists(_) => object_store::Error::AlreadyExists { path, source },
        HdfsError::RPCError(class, _) | HdfsError::FatalRPCError(class, _) => match class.as_str() {
            class if NOT_FOUND.contains(&class) => object_store::Error::NotFound { path, source },
            class if DENIED.contains(&class) => object_store::Error::PermissionDenied { path, source },
            _ => object_store::Error::Generic { store: STORE, source },
        },
        HdfsError::SASLError(_) | HdfsError::GSSAPIError(..) | HdfsError::NoSASLMechanism => {
            object_store::Error::Unauthenticated { path, source }
        }
        _ => object_store::Error::Generic { store: STORE, source },
    }
}

/// Whether the client has tried all that it may before it gave `error` back. Of what changes something, only what was not sent
/// is sent again.
pub(super) fn was_tried_again(error: &HdfsError, changes: bool) -> bool {
    match error {
        HdfsError::RPCError(class, _) | HdfsError::FatalRPCError(class, _) => class == STANDBY,
        HdfsError::IOError(error) => !changes || error.kind() == ErrorKind::ConnectionRefused,
        _ => false,
    }
}

/// What `error` says: of an exception its message, without the stack behind it.
pub(super) fn said(error: &HdfsError) -> String {
    match error {
        HdfsError::RPCError(class, message) | HdfsError::FatalRPCError(class, message) => {
            let name = class.rsplit('.').next().unwrap_or(class);
            format!("{name}: {}", message.lines().next().unwrap_or_default())
        }
        HdfsError::IOError(error) => error.to_string(),
        HdfsError::FileNotFound(_) => "it is not there".to_string(),
        other => other.to_string().lines().next().unwrap_or_default().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(cause: HdfsError) -> object_store::Error {
        let failure = HdfsFailure::new("getFileInfo", "hdfs://nn:8020/a".to_string(), String::new(), &cause);
        of("a", &cause, failure)
    }

    #[test]
    fn exceptions_have_kinds_and_no_stack() {
        let thrown = |class: &str| {
            HdfsError::RPCError(
                class.to_string(),
                "Permission denied: user=ada\n\tat org.apache.X.y(X.java:1)".to_string(),
            )
        };
        let denied = failed(thrown(DENIED[0]));
        assert!(matches!(denied, object_store::Error::PermissionDenied { .. }), "{denied}");
        let text = denied.to_string();
        assert!(
            text.contains("AccessControlException: Permission denied: user=ada") && !text.contains("X.java"),
            "{text}"
        );
        assert!(matches!(failed(thrown(NOT_FOUND[0])), object_store::Error::NotFound { .. }));
        assert!(matches!(failed(thrown("java.io.IOException")), object_store::Error::Generic { .. }));
        assert!(matches!(failed(HdfsError::NoSASLMechanism), object_store::Error::Unauthenticated { .. }));
        assert!(matches!(failed(HdfsError::AlreadyExists("a".into())), object_store::Error::AlreadyExists { .. }));
    }

    #[test]
    fn changes_are_sent_again_only_where_they_were_not_sent() {
        let io = |kind: ErrorKind| HdfsError::IOError(kind.into());
        assert!(was_tried_again(&io(ErrorKind::UnexpectedEof), false));
        assert!(!was_tried_again(&io(ErrorKind::UnexpectedEof), true));
        assert!(was_tried_again(&io(ErrorKind::ConnectionRefused), true));
        assert!(!was_tried_again(&HdfsError::FileNotFound("a".into()), false));
    }
}
