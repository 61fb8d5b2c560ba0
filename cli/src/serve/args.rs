//! The options of `maar serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

const WHO: &str = "Who may connect";
const WHAT: &str = "What clients may do";
const LIMITS: &str = "Limits";

/// Options of `maar serve`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address and port to listen on; other machines reach no server without --tls-cert and --users
    #[arg(long, default_value = "127.0.0.1:31337")]
    pub(crate) listen: SocketAddr,
    /// The dashboard, for people in a browser, on this address over HTTP; also /livez, /readyz and /metrics (Prometheus), which
    /// everyone who reaches it may read. Elsewhere than on this machine it takes --tls-cert and --users, as --listen does
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) http: Option<SocketAddr>,
    /// PostgreSQL's protocol, for psql, psycopg and BI tools, on this address. Elsewhere than on this machine it takes --tls-cert and
    /// --users, as --listen does
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:5432")]
    pub(crate) postgres: Option<SocketAddr>,
    /// Run the statements of a file before anyone connects: tables and views for everyone
    #[arg(long, value_name = "FILE")]
    pub(crate) init: Option<PathBuf>,
    /// An option that sessions begin with, and the only way but an administrator's SET for those of the whole server; may be
    /// repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// When told to end (Ctrl-C, SIGTERM), begin nothing more and give queries that run so long
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) drain_seconds: u64,
    /// File of users, a line NAME:HASH:ROLE for each (see `maar user`); without it everyone who reaches the server may connect
    #[arg(long, value_name = "FILE", help_heading = WHO)]
    pub(crate) users: Option<PathBuf>,
    /// File with the server's certificate, and those that lead to its authority, in PEM: connections are encrypted
    #[arg(long, value_name = "PEM", requires = "tls_key", help_heading = WHO)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// File with the private key of the certificate, in PEM
    #[arg(long, value_name = "PEM", requires = "tls_cert", help_heading = WHO)]
    pub(crate) tls_key: Option<PathBuf>,
    /// File with an authority's certificates, in PEM: only clients with a certificate of it may connect
    #[arg(long, value_name = "PEM", requires = "tls_cert", help_heading = WHO)]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// File with the key that JSON Web Tokens of an identity provider are checked with: a public key in PEM, or a secret. Clients may
    /// show such a token in place of user and password; `sub` is the user, `role` the role (reader without it)
    #[arg(long, value_name = "FILE", requires_all = ["jwt_issuer", "jwt_audience"], group = "jwt_keys", help_heading = WHO)]
    pub(crate) jwt_key: Option<PathBuf>,
    /// The same with a set of keys (JWKS, in JSON), of which tokens name one (`kid`). The file is read again when it has changed
    #[arg(long, value_name = "FILE", requires_all = ["jwt_issuer", "jwt_audience"], group = "jwt_keys", help_heading = WHO)]
    pub(crate) jwt_jwks: Option<PathBuf>,
    /// Who issues these tokens (`iss`)
    #[arg(long, value_name = "NAME", requires = "jwt_keys", help_heading = WHO)]
    pub(crate) jwt_issuer: Option<String>,
    /// For whom they are (`aud`)
    #[arg(long, value_name = "NAME", requires = "jwt_keys", help_heading = WHO)]
    pub(crate) jwt_audience: Option<String>,
    /// Let other machines reach the server without users or without encryption
    #[arg(long, help_heading = WHO)]
    pub(crate) insecure: bool,
    /// A file or folder that clients may name, to read and, writers, to write; may be repeated. Without one and --allow-url: none,
    /// or all where there are no users and no other machine reaches the server
    #[arg(long, value_name = "PATH", help_heading = WHAT)]
    pub(crate) allow_path: Vec<PathBuf>,
    /// What URLs that clients may name begin with, such as s3://bucket/folder; may be repeated
    #[arg(long, value_name = "URL", help_heading = WHAT)]
    pub(crate) allow_url: Vec<String>,
    /// Write who did what to the end of this file, a JSON object a line. What cannot be written is not done
    #[arg(long, value_name = "PATH", help_heading = WHAT)]
    pub(crate) audit_log: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// What the server keeps for clients and runs at once. The defaults are the server's own.
#[derive(Clone, Debug, Args)]
pub(crate) struct LimitArgs {
    /// Statements that run at once; others wait [default: 64]
    #[arg(long, value_name = "N", help_heading = LIMITS, value_parser = at_least_one)]
    pub(crate) max_running: Option<usize>,
    /// Those of one user [default: 32]
    #[arg(long, value_name = "N", help_heading = LIMITS, value_parser = at_least_one)]
    pub(crate) max_running_per_user: Option<usize>,
    /// Those of one session [default: 32]
    #[arg(long, value_name = "N", help_heading = LIMITS, value_parser = at_least_one)]
    pub(crate) max_running_per_session: Option<usize>,
    /// Statements that wait to run; more are refused [default: 200]
    #[arg(long, value_name = "N", help_heading = LIMITS)]
    pub(crate) max_queued: Option<usize>,
    /// How long a statement waits to run before it is given up [default: 300]
    #[arg(long, value_name = "SECONDS", help_heading = LIMITS)]
    pub(crate) queue_timeout: Option<u64>,
    /// Sessions at once [default: 256]
    #[arg(long, value_name = "N", help_heading = LIMITS, value_parser = at_least_one)]
    pub(crate) max_sessions: Option<usize>,
    /// Those of one user [default: 64]
    #[arg(long, value_name = "N", help_heading = LIMITS, value_parser = at_least_one)]
    pub(crate) max_sessions_per_user: Option<usize>,
    /// How long a session is kept that nobody uses, with its temporary tables [default: 3600]
    #[arg(long, value_name = "SECONDS", help_heading = LIMITS)]
    pub(crate) idle_timeout: Option<u64>,
    /// Prepared statements of a session [default: 256]
    #[arg(long, value_name = "N", help_heading = LIMITS)]
    pub(crate) max_prepared: Option<usize>,
    /// Bytes of a message, but those of rows [default: 16777216]
    #[arg(long, value_name = "BYTES", help_heading = LIMITS)]
    pub(crate) max_message: Option<usize>,
    /// Bytes of a batch of rows that a client sends [default: 536870912]
    #[arg(long, value_name = "BYTES", help_heading = LIMITS)]
    pub(crate) max_batch: Option<usize>,
    /// Bytes of the headers of a call [default: 65536]
    #[arg(long, value_name = "BYTES", help_heading = LIMITS)]
    pub(crate) max_headers: Option<u32>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(0) => Err("nothing would ever run: at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}
