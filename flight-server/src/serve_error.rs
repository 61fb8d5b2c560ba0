//! Why a server does not start, or ends. Not here: what starts it (`server`).

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the server cannot start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address can be reached from other machines, and something that protects the server is not there.
    #[error(
        "will not listen on {address}: other machines reach it, and there {missing}. Give the server a certificate \
         (--tls-cert, --tls-key) and users (--users), or listen on 127.0.0.1 or [::1], which an SSH tunnel reaches from \
         elsewhere; --insecure listens all the same"
    )]
    Exposed {
        /// What was asked for.
        address: SocketAddr,
        /// What is not there.
        missing: &'static str,
    },
    /// The same of the HTTP door, whose dashboard shows what people ask.
    #[error(
        "will not answer HTTP on {address}: other machines reach it, its dashboard shows who asks what, and there {missing}. Give \
         the server a certificate (--tls-cert, --tls-key) and users (--users), with which it is encrypted and logged in to there \
         as well, or answer on 127.0.0.1 or [::1]; --insecure answers all the same"
    )]
    ExposedHttp {
        /// What was asked for.
        address: SocketAddr,
        /// What is not there.
        missing: &'static str,
    },
    /// The same of the PostgreSQL door.
    #[error(
        "will not answer PostgreSQL's protocol on {address}: other machines reach it, and there {missing}. Give the server a \
         certificate (--tls-cert, --tls-key) and users (--users), or answer on 127.0.0.1 or [::1], which an SSH tunnel reaches \
         from elsewhere; --insecure answers all the same"
    )]
    ExposedPostgres {
        /// What was asked for.
        address: SocketAddr,
        /// What is not there.
        missing: &'static str,
    },
    /// The operating system refused the address.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// The system's reason: the port is taken, say.
        cause: std::io::Error,
    },
    /// Clients could write over what is there to watch them.
    #[error(
        "the audit log '{}' is among the files that clients may name: keep it outside of what --allow-path opens to them",
        path.display()
    )]
    AuditInReach {
        /// Where it is.
        path: PathBuf,
    },
    /// The network failed under a running server.
    #[error("the server ended: {0}")]
    Network(#[from] tonic::transport::Error),
    /// A bug of ours.
    #[error("the server cannot start: {0}")]
    Internal(String),
}
