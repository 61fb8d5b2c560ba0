//! Why a store or a secret is refused. No message holds a value of a secret.

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a secret of type {kind} has no option {option}: it takes {known}")]
    UnknownOption { kind: crate::Kind, option: String, known: String },
    #[error("the option {option} cannot have that value: it takes {takes}")]
    Value { option: String, takes: &'static str },
    #[error("the option {option} needs {other} beside it")]
    Incomplete { option: &'static str, other: &'static str },
    #[error(
        "the endpoint is not encrypted, and a secret would be sent to it in the open: say USE_SSL false if that is meant"
    )]
    PlainHttp,
    #[error("the scope '{scope}' is no URL of a store of type {kind}")]
    Scope { kind: crate::Kind, scope: String },
    #[error("there is a secret {0} already: CREATE OR REPLACE SECRET takes its place")]
    Exists(String),
    #[error("there is no secret {0}: SELECT * FROM maar_secrets() lists them")]
    NoSecret(String),
    #[error("'{url}' names no {what}")]
    Url { url: String, what: &'static str },
    #[error("the store of '{url}' cannot be opened: {source}")]
    Store { url: String, source: object_store::Error },
    #[error(
        "the cluster of '{url}' cannot be opened: {cause}; HADOOP_CONF_DIR names the folder of Hadoop's configuration, CONFIG_DIR of CREATE SECRET (TYPE hdfs) another"
    )]
    Cluster { url: String, cause: String },
    #[error(
        "the address of '{host}' is one of this machine's network, and not allowed: name it in the URL or as ENDPOINT, or allow it with --allow-url"
    )]
    Address { host: String },
}
