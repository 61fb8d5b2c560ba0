//! The kinds of stores, by the schemes of their URLs.

use std::fmt;

use url::Url;

/// How a store is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    S3,
    Gcs,
    Azure,
    Http,
    /// Hadoop's file system.
    Hdfs,
}

const KINDS: [Kind; 5] = [Kind::S3, Kind::Gcs, Kind::Azure, Kind::Http, Kind::Hdfs];

/// Schemes: their kind, and the one they are another name of.
const SCHEMES: [(&str, Kind, &str); 12] = [
    ("s3", Kind::S3, "s3"),
    ("s3a", Kind::S3, "s3"),
    ("gs", Kind::Gcs, "gs"),
    ("gcs", Kind::Gcs, "gs"),
    ("az", Kind::Azure, "az"),
    ("azure", Kind::Azure, "az"),
    ("abfs", Kind::Azure, "abfss"),
    ("abfss", Kind::Azure, "abfss"),
    ("http", Kind::Http, "http"),
    ("https", Kind::Http, "https"),
    ("hdfs", Kind::Hdfs, "hdfs"),
    ("viewfs", Kind::Hdfs, "viewfs"),
];

impl Kind {
    /// Of URLs of that scheme.
    pub fn of_scheme(scheme: &str) -> Option<Self> {
        SCHEMES.iter().find(|(known, ..)| *known == scheme).map(|(_, kind, _)| *kind)
    }

    /// As `TYPE` names it.
    pub fn of_name(name: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.to_string().eq_ignore_ascii_case(name))
    }

    /// The URLs that a secret without a scope is for.
    pub(crate) fn scopes(self) -> Vec<String> {
        let mut scopes: Vec<String> =
            SCHEMES.iter().filter(|(_, kind, _)| *kind == self).map(|(.., of)| format!("{of}://")).collect();
        scopes.dedup();
        scopes
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S3 => "s3",
            Self::Gcs => "gcs",
            Self::Azure => "azure",
            Self::Http => "http",
            Self::Hdfs => "hdfs",
        })
    }
}

/// `url` under the first name of its scheme: `s3a://b/x` is `s3://b/x`.
pub(crate) fn canonical(url: &str) -> String {
    let known = url.split_once("://").and_then(|(scheme, rest)| {
        let scheme = scheme.to_ascii_lowercase();
        let (.., of) = SCHEMES.iter().find(|(known, ..)| *known == scheme)?;
        Some(format!("{of}://{rest}"))
    });
    known.unwrap_or_else(|| url.to_string())
}

/// What tells one store from another: scheme, container or none, host and port.
pub(crate) fn key(url: &Url) -> String {
    url[url::Position::BeforeScheme..url::Position::BeforePath].to_string()
}
