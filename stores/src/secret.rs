//! Secrets: credentials and other settings of the stores below a scope. They are checked when they are made, and never shown.

use std::collections::BTreeMap;
use std::fmt;

use crate::kind::canonical;
use crate::{Error, Kind, Result};

/// What stands for a value that is not shown.
const HIDDEN: &str = "***";

/// Whether a value may be shown, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Hidden,
    Text,
    Bool,
    Number,
    UrlStyle,
}

/// Options: their names, the first of which they are kept by, and what they take.
type Options = &'static [(&'static [&'static str], Takes)];

const OF_ALL: Options = &[(&["max_retries"], Takes::Number), (&["retry_timeout"], Takes::Number)];

const OF_S3: Options = &[
    (&["key_id", "access_key_id"], Takes::Hidden),
    (&["secret", "secret_access_key"], Takes::Hidden),
    (&["session_token", "token"], Takes::Hidden),
    (&["region"], Takes::Text),
    (&["endpoint"], Takes::Text),
    (&["url_style"], Takes::UrlStyle),
    (&["use_ssl"], Takes::Bool),
    (&["allow_http"], Takes::Bool),
    (&["requester_pays", "request_payer"], Takes::Bool),
    (&["skip_signature", "anonymous"], Takes::Bool),
];

const OF_GCS: Options = &[
    (&["service_account_key"], Takes::Hidden),
    (&["service_account_path", "service_account"], Takes::Text),
    (&["endpoint", "base_url"], Takes::Text),
    (&["use_ssl"], Takes::Bool),
    (&["allow_http"], Takes::Bool),
    (&["skip_signature", "anonymous"], Takes::Bool),
];

const OF_AZURE: Options = &[
    (&["account_name"], Takes::Text),
    (&["account_key", "access_key"], Takes::Hidden),
    (&["sas_token", "sas_key"], Takes::Hidden),
    (&["bearer_token", "token"], Takes::Hidden),
    (&["tenant_id"], Takes::Text),
    (&["client_id"], Takes::Text),
    (&["client_secret"], Takes::Hidden),
    (&["endpoint"], Takes::Text),
    (&["use_ssl"], Takes::Bool),
    (&["allow_http"], Takes::Bool),
    (&["skip_signature", "anonymous"], Takes::Bool),
];

const OF_HTTP: Options =
    &[(&["bearer_token", "token"], Takes::Hidden), (&["username"], Takes::Text), (&["password"], Takes::Hidden)];

const OF_HDFS: Options = &[(&["user", "user_name"], Takes::Text), (&["config_dir"], Takes::Text)];

/// What the keys of Hadoop's own settings begin with: a secret of a cluster has any of them.
const OF_HADOOP: [&str; 4] = ["dfs.", "fs.", "hadoop.", "ipc."];

/// Options that are of no use without another.
const TOGETHER: &[(&str, &str)] = &[
    ("key_id", "secret"),
    ("secret", "key_id"),
    ("session_token", "key_id"),
    ("username", "password"),
    ("password", "username"),
    ("client_secret", "client_id"),
    ("client_secret", "tenant_id"),
];

/// How the stores below a scope are reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    kind: Kind,
    name: String,
    /// As written; those of its type where none is.
    scopes: Vec<String>,
    options: BTreeMap<&'static str, String>,
    /// Settings of Hadoop by their keys.
    hadoop: BTreeMap<String, String>,
    /// Of one table rather than of whoever reads below the scope.
    is_of_table: bool,
}

impl Secret {
    /// A secret with these options, which stand under any of their names in any case.
    ///
    /// # Errors
    /// For a scope that is no URL of the type, and for options that are not known, incomplete, or would send what is secret
    /// over a connection that is not encrypted without a word about it.
    pub fn new(kind: Kind, name: &str, scope: Option<&str>, options: &[(String, String)]) -> Result<Self> {
        let (mut taken, mut hadoop) = (BTreeMap::new(), BTreeMap::new());
        for (option, value) in options {
            if is_of_hadoop(kind, option) {
                hadoop.insert(option.clone(), checked(option, Takes::Text, value)?);
                continue;
            }
            let (known, takes) = known(kind, option).ok_or_else(|| unknown(kind, option))?;
            taken.insert(known, checked(option, takes, value)?);
        }
        let has = |option: &str| taken.contains_key(option);
        if let Some((option, other)) = TOGETHER.iter().find(|(option, other)| has(option) && !has(other)) {
            return Err(Error::Incomplete { option, other });
        }
        let scopes = match scope {
            None => kind.scopes(),
            Some(scope) => {
                let of_kind = scope.split_once("://").and_then(|(scheme, _)| Kind::of_scheme(&scheme.to_lowercase()));
                if of_kind != Some(kind) {
                    return Err(Error::Scope { kind, scope: scope.to_string() });
                }
                // A folder is listed without the slash at its end. `hdfs:///` is the default cluster, not all of them.
                let scope = canonical(scope);
                let trimmed = scope.trim_end_matches('/');
                vec![if trimmed.ends_with(':') { scope } else { trimmed.to_string() }]
            }
        };
        let secret = Self { kind, name: name.to_string(), scopes, options: taken, hadoop, is_of_table: false };
        if !secret.allows_http() && secret.get("endpoint").is_some_and(|endpoint| endpoint.starts_with("http://")) {
            return Err(Error::PlainHttp);
        }
        Ok(secret)
    }

    /// The same, for one table at its scope: it comes before others.
    #[must_use]
    pub fn of_table(self) -> Self {
        Self { is_of_table: true, ..self }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Its options as they may be shown.
    pub fn shown(&self) -> String {
        let shown = self.options.iter().map(|(option, value)| match known(self.kind, option) {
            Some((_, Takes::Hidden)) | None => format!("{option}={HIDDEN}"),
            Some(_) => format!("{option}={value}"),
        });
        // Some of Hadoop's settings are passwords.
        let hadoop = self.hadoop.keys().map(|key| format!("{key}={HIDDEN}"));
        shown.chain(hadoop).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn get(&self, option: &str) -> Option<&str> {
        self.options.get(option).map(String::as_str)
    }

    /// Settings of Hadoop and their values.
    pub(crate) fn of_hadoop(&self) -> impl Iterator<Item = (&str, &str)> {
        self.hadoop.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Those of these options that it has: what they are called elsewhere, and their values.
    pub(crate) fn given<K, const N: usize>(&self, options: [(&str, K); N]) -> impl Iterator<Item = (K, &str)> {
        options.into_iter().filter_map(move |(option, key)| Some((key, self.get(option)?)))
    }

    pub(crate) fn is(&self, option: &str) -> bool {
        self.get(option) == Some("true")
    }

    /// Whether it says that connections need not be encrypted.
    pub(crate) fn allows_http(&self) -> bool {
        self.is("allow_http") || self.get("use_ssl") == Some("false")
    }

    /// How well it fits `url`, which is canonical; `None` where it is for others.
    pub(crate) fn fits(&self, url: &str) -> Option<(bool, usize)> {
        let fitting = self.scopes.iter().filter(|scope| {
            let rest = url.strip_prefix(scope.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || scope.ends_with('/'))
        });
        fitting.map(|scope| (self.is_of_table, scope.len())).max()
    }

    /// Whether it is for the same place of a table.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        self.is_of_table && other.is_of_table && self.scopes == other.scopes
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        !self.is_of_table && self.name.eq_ignore_ascii_case(name)
    }
}

/// Whether stores of that kind take an option of that name.
pub fn is_option(kind: Kind, option: &str) -> bool {
    known(kind, option).is_some() || is_of_hadoop(kind, option)
}

fn is_of_hadoop(kind: Kind, option: &str) -> bool {
    kind == Kind::Hdfs && OF_HADOOP.iter().any(|prefix| option.starts_with(prefix))
}

fn options(kind: Kind) -> impl Iterator<Item = &'static (&'static [&'static str], Takes)> {
    let own = match kind {
        Kind::S3 => OF_S3,
        Kind::Gcs => OF_GCS,
        Kind::Azure => OF_AZURE,
        Kind::Http => OF_HTTP,
        Kind::Hdfs => OF_HDFS,
    };
    own.iter().chain(OF_ALL)
}

fn known(kind: Kind, option: &str) -> Option<(&'static str, Takes)> {
    let is_it = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(option));
    let (names, takes) = options(kind).find(|(names, _)| is_it(names))?;
    Some((names.first()?, *takes))
}

fn unknown(kind: Kind, option: &str) -> Error {
    let known: Vec<&str> = options(kind).filter_map(|(names, _)| names.first().copied()).collect();
    let more =
        if kind == Kind::Hdfs { ", and Hadoop's own by their keys: 'dfs.client.use.datanode.hostname'" } else { "" };
    Error::UnknownOption { kind, option: option.to_string(), known: known.join(", ").to_uppercase() + more }
}

fn checked(option: &str, takes: Takes, value: &str) -> Result<String> {
    let lower = value.to_ascii_lowercase();
    let wrong = |takes: &'static str| Err(Error::Value { option: option.to_string(), takes });
    match takes {
        Takes::Hidden | Takes::Text if value.is_empty() => wrong("a text that is not empty"),
        Takes::Hidden | Takes::Text => Ok(value.to_string()),
        Takes::Bool if ["true", "false"].contains(&lower.as_str()) => Ok(lower),
        Takes::Bool => wrong("true or false"),
        Takes::Number if value.parse::<u16>().is_ok() => Ok(value.to_string()),
        Takes::Number => wrong("a whole number up to 65535"),
        Takes::UrlStyle if ["path", "vhost"].contains(&lower.as_str()) => Ok(lower),
        Takes::UrlStyle => wrong("path or vhost"),
    }
}

// Values stay inside.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} {} {:?}: {})", self.kind, self.name, self.scopes, self.shown())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn secret(kind: Kind, scope: Option<&str>, options: &[(&str, &str)]) -> Result<Secret> {
        let options: Vec<_> = options.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Secret::new(kind, "s", scope, &options)
    }

    #[test]
    fn values_are_never_shown() {
        let options = [("KEY_ID", "hush1"), ("secret", "hush2"), ("SESSION_TOKEN", "hush3"), ("region", "eu")];
        let secret = secret(Kind::S3, None, &options).unwrap();
        let shown = format!("{} {secret:?}", secret.shown());
        assert!(!shown.contains("hush") && shown.contains("region=eu") && shown.contains("secret=***"), "{shown}");
    }

    #[test]
    fn the_longest_scope_fits_best_and_ends_at_a_slash() {
        let fits = |scope: Option<&str>, url: &str| {
            secret(Kind::S3, scope, &[]).unwrap().fits(&canonical(url)).map(|(_, length)| length)
        };
        assert_eq!(fits(None, "s3a://b/x"), Some(5));
        assert_eq!(fits(Some("s3a://b/x"), "s3://b/x/y"), Some(8));
        assert_eq!(fits(Some("s3://b/x"), "s3://b/xy"), None);
        assert_eq!(fits(Some("s3://b/x/"), "s3://b/x/y"), Some(8));
        assert_eq!(fits(None, "gs://b/x"), None);
    }

    #[test]
    fn settings_of_hadoop_are_taken_by_their_keys_and_not_shown() {
        let options = [("user", "ada"), ("fs.defaultFS", "hdfs://hush"), ("hadoop.security.x", "hush")];
        let hdfs = secret(Kind::Hdfs, Some("hdfs:///"), &options).unwrap();
        assert_eq!(hdfs.shown(), "user=ada, fs.defaultFS=***, hadoop.security.x=***");
        assert_eq!(hdfs.of_hadoop().next(), Some(("fs.defaultFS", "hdfs://hush")));
        assert!(hdfs.fits("hdfs:///lake/x").is_some() && hdfs.fits("hdfs://nn:8020/lake/x").is_none());
        assert!(secret(Kind::Hdfs, None, &[]).unwrap().fits("viewfs://all/x").is_some());
        let refused = secret(Kind::Hdfs, None, &[("users", "ada")]).unwrap_err().to_string();
        assert!(refused.contains("USER, CONFIG_DIR") && refused.contains("Hadoop's own"), "{refused}");
        assert!(secret(Kind::S3, None, &[("dfs.x", "y")]).is_err());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        for (kind, scope, options, says) in [
            (Kind::S3, None, [("key_ids", "hush")].as_slice(), "KEY_ID, SECRET"),
            (Kind::S3, None, &[("key_id", "hush")], "needs secret"),
            (Kind::S3, None, &[("use_ssl", "hush")], "true or false"),
            (Kind::S3, None, &[("endpoint", "http://h:9000")], "USE_SSL false"),
            (Kind::S3, Some("gs://b"), &[], "no URL of a store of type s3"),
            (Kind::Http, None, &[("username", "u")], "needs password"),
        ] {
            let error = secret(kind, scope, options).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("hush"), "{error}");
        }
        secret(Kind::S3, None, &[("endpoint", "http://h:9000"), ("use_ssl", "FALSE")]).unwrap();
    }
}
