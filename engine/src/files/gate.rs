//! The gate of files: which paths and URLs the statements of a client's session may name, to read from and to write to. It fails
//! closed: what cannot be shown to lie in an allowed place is refused, before anything is opened or sent.
//!
//! Judged is what would be opened: a path as the system resolves it (`..`, symbolic links), a URL as it is parsed. Tables and
//! views that are there already are not judged again. Not here: which sessions have a gate (`session`).

use std::io;
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::SessionConfig;
use maar_stores::addresses::is_of_this_network;
use object_store::ObjectMeta;

use super::urls;
use crate::error::{Error, ErrorKind, Result};

const LOCAL: &str = "file";

/// The paths and the URLs that statements may name; the default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// As the system resolves them.
    paths: Vec<PathBuf>,
    urls: Vec<String>,
}

impl Places {
    /// Also this file, or this folder with all that is below it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a path that is not there: what it would stand for later is not known.
    pub fn allow_path(mut self, path: &Path) -> Result<Self> {
        match path.canonicalize() {
            Ok(real) => self.paths.push(real),
            Err(e) => {
                let message = format!("'{}' cannot be allowed to clients: {e}", path.display());
                return Err(Error::new(ErrorKind::NotFound, message).with_hint("name a file or a folder that is there"));
            }
        }
        Ok(self)
    }

    /// Also what begins with this URL: `s3://bucket/folder`, `https://example.com/`, or all of a scheme, `s3://`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for what is no URL, or a path of this machine.
    pub fn allow_url(mut self, url: &str) -> Result<Self> {
        let wrong = || {
            Error::new(ErrorKind::Invalid, format!("'{url}' is no URL that clients can be allowed"))
                .with_hint("write s3://bucket/folder or https://example.com/; folders of this machine are paths")
        };
        let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| *scheme != LOCAL).ok_or_else(wrong)?;
        self.urls.push(match rest.is_empty() {
            true => format!("{}://", scheme.to_lowercase()),
            false => ListingTableUrl::parse(url).map_err(|_| wrong())?.get_url().to_string(),
        });
        Ok(self)
    }

    /// The hosts that are allowed by their names.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let hosts = self.urls.iter().filter_map(|url| Some(url.split_once("://")?.1.split('/').next()?.to_string()));
        hosts.filter(|host| !host.is_empty()).map(|host| without_port(&host).to_string()).collect()
    }

    /// Whether a file of this machine is in an allowed place.
    pub fn has(&self, path: &Path) -> bool {
        self.has_path(path)
    }

    /// # Errors
    /// [`ErrorKind::Forbidden`] where `url`, which is written as `text`, is not in an allowed place.
    pub(super) fn check(&self, url: &ListingTableUrl, text: &str) -> Result<()> {
        let is_allowed = match url.scheme() {
            LOCAL => self.has_path(&on_this_machine(url.prefix())),
            _ => self.has_url(url),
        };
        if is_allowed { Ok(()) } else { Err(refused(text)) }
    }

    /// # Errors
    /// [`ErrorKind::Forbidden`] where one of `files`, found at `url`, lies elsewhere: a symbolic link leads out of the place.
    pub(super) fn check_files(&self, url: &ListingTableUrl, files: &[ObjectMeta]) -> Result<()> {
        if url.scheme() != LOCAL {
            return Ok(());
        }
        let outside = files.iter().find(|file| !self.has_path(&on_this_machine(&file.location)));
        outside.map_or(Ok(()), |file| Err(refused(&format!("/{}", file.location))))
    }

    /// # Errors
    /// [`ErrorKind::Forbidden`] where `path`, in the store of `url`, is not in an allowed place.
    pub(super) fn check_in_store(&self, url: &ListingTableUrl, path: &object_store::path::Path) -> Result<()> {
        let is_allowed = match url.scheme() {
            LOCAL => self.has_path(&on_this_machine(path)),
            _ => {
                let mut whole = url.get_url().clone();
                // A percent sign of a key stands for itself: `%2e%2e` is the name of a folder here, and no way out of it.
                whole.set_path(&path.as_ref().replace('%', "%25"));
                ListingTableUrl::parse(whole.as_str()).is_ok_and(|url| self.has_url(&url))
            }
        };
        if is_allowed { Ok(()) } else { Err(refused(&format!("/{path}"))) }
    }

    fn has_path(&self, path: &Path) -> bool {
        resolved(path).is_ok_and(|real| self.paths.iter().any(|allowed| real.starts_with(allowed)))
    }

    fn has_url(&self, url: &ListingTableUrl) -> bool {
        let whole = url.get_url().as_str();
        self.urls.iter().any(|allowed| {
            let Some(rest) = whole.strip_prefix(allowed.as_str()) else { return false };
            // The whole of a scheme does not mean the machines around this one: who wants those names them.
            let is_whole_scheme = allowed.ends_with("://");
            let ends_there = rest.is_empty() || rest.starts_with('/') || allowed.ends_with('/');
            ends_there && !(is_whole_scheme && url.get_url().host_str().is_none_or(|host| is_near(url.scheme(), host)))
        })
    }
}

/// An address of version 6 stands in brackets.
fn without_port(authority: &str) -> &str {
    let end = authority.rfind(']').unwrap_or(0);
    authority[end..].find(':').map_or(authority, |colon| &authority[..end + colon])
}

/// Whether `host` of a URL is this machine, or one that only machines near this one reach, or leads there.
fn is_near(scheme: &str, host: &str) -> bool {
    // A name node says which machines to turn to next: it is trusted by its name alone.
    if scheme == "hdfs" || scheme == "viewfs" {
        return true;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_lowercase();
    if let Ok(address) = host.parse::<IpAddr>() {
        return is_of_this_network(address);
    }
    // Numbers that the system would take for an address; names that are resolved here alone. A bucket has a name without dots.
    let is_number = host.starts_with("0x") || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let ends = [".localhost", ".local", ".internal", ".lan", ".home.arpa"];
    let is_bare = scheme.starts_with("http") && !host.contains('.');
    is_number || is_bare || host == "localhost" || ends.iter().any(|end| host.ends_with(end))
}

fn on_this_machine(path: &object_store::path::Path) -> PathBuf {
    PathBuf::from(format!("/{path}"))
}

/// `path` as the system resolves it. What is not there yet is below what is, by its name.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    for there in path.ancestors() {
        match there.canonicalize() {
            Ok(real) => {
                let rest = path.strip_prefix(there).map_err(io::Error::other)?;
                let is_plain = rest.components().all(|part| matches!(part, Component::Normal(_)));
                return if is_plain { Ok(real.join(rest)) } else { Err(io::ErrorKind::InvalidInput.into()) };
            }
            // A link that leads nowhere leads somewhere once that is made.
            Err(e) if e.kind() == io::ErrorKind::NotFound && there.symlink_metadata().is_err() => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

fn refused(text: &str) -> Error {
    let text = urls::shown(text);
    Error::new(ErrorKind::Forbidden, format!("'{text}' is not among the files that this server opens to its clients"))
        .with_hint("read its tables (SHOW TABLES), or have the server started with --allow-path or --allow-url")
}

/// The gate of a session, if it has one.
pub(super) fn of(config: &SessionConfig) -> Option<Arc<Places>> {
    config.get_extension::<Places>()
}

/// # Errors
/// [`ErrorKind::Forbidden`] for a path outside of the session's places.
pub(super) fn check_path(config: &SessionConfig, text: &str) -> Result<()> {
    match of(config) {
        None => Ok(()),
        Some(places) => places.check(&ListingTableUrl::parse(text)?, text),
    }
}

/// Judges what a plan writes to, and what it makes tables of: under EXPLAIN and PREPARE too.
///
/// # Errors
/// [`ErrorKind::Forbidden`] for a place that the session may not name.
pub(crate) fn check_plan(config: &SessionConfig, plan: &LogicalPlan) -> Result<()> {
    if of(config).is_none() {
        return Ok(());
    }
    let mut refused = None;
    plan.apply_with_subqueries(|node| {
        let named = match node {
            LogicalPlan::Copy(copy) => check_path(config, &copy.output_url),
            LogicalPlan::Ddl(DdlStatement::CreateExternalTable(create)) => {
                create.locations.iter().try_for_each(|text| super::Location::parse(config, text).map(|_| ()))
            }
            _ => Ok(()),
        };
        refused = named.err();
        Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    refused.map_or(Ok(()), Err)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn allows(places: &Places, text: &str) -> bool {
        ListingTableUrl::parse(text).is_ok_and(|url| places.check(&url, text).is_ok())
    }

    #[test]
    fn urls_are_allowed_by_what_they_begin_with() {
        let places = Places::default().allow_url("s3://lake/sales").unwrap().allow_url("https://example.com").unwrap();
        for inside in ["s3://lake/sales", "s3://lake/sales/a.parquet", "https://example.com/a", "HTTPS://EXAMPLE.com/a"]
        {
            assert!(allows(&places, inside), "{inside}");
        }
        for outside in [
            "s3://lake/salesmen/a.parquet",
            "s3://lake/sales/../wages/a.parquet",
            "s3://lake/sales/%2e%2e/wages/a.parquet",
            "s3://lakes/sales/a.parquet",
            "s3a://lake/sales/a.parquet",
            "http://example.com/a",
            "https://example.com@example.org/a",
            "https://example.com:8080/a",
            "/etc/passwd",
            "file:///etc/passwd",
        ] {
            assert!(!allows(&places, outside), "{outside}");
        }
    }

    #[test]
    fn keys_in_a_store_are_what_they_are() {
        let places = Places::default().allow_url("s3://b/lake/").unwrap();
        let url = ListingTableUrl::parse("s3://b/lake/t").unwrap();
        let allows = |key: &str| places.check_in_store(&url, &object_store::path::Path::parse(key).unwrap()).is_ok();
        assert!(allows("lake/t/a.parquet") && allows("lake/p=a%2Fb/a b.parquet") && allows("lake/%2e%2e/a.parquet"));
        assert!(!allows("secret/a.parquet") && !allows("secret/%2e%2e/lake/a.parquet") && !allows("lakes/a.parquet"));
    }

    #[test]
    fn a_scheme_does_not_mean_the_machines_around() {
        let all = Places::default().allow_url("http://").unwrap().allow_url("s3://").unwrap();
        let allows_host = |scheme: &str, host: &str| allows(&all, &format!("{scheme}://{host}/a"));
        for far in ["example.com", "8.8.8.8", "[2600::1]"] {
            assert!(allows_host("http", far), "{far}");
        }
        assert!(allows_host("s3", "bucket"));
        for near in [
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "127.0.0.1",
            "127.1",
            "0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1:9000",
            "100.64.0.1",
            "[::1]",
            "[fe80::1]",
            "[fd00::1]",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "localhost",
            "LOCALHOST.",
            "metadata",
            "metadata.google.internal",
            "user:word@10.0.0.1",
        ] {
            assert!(!allows_host("http", near), "{near}");
        }
        assert!(!allows_host("s3", "169.254.169.254") && !allows_host("s3", "2852039166"));
        let clusters = Places::default().allow_url("hdfs://").unwrap().allow_url("viewfs://").unwrap();
        let named = clusters.clone().allow_url("hdfs://nn.example.com:8020/lake").unwrap();
        let default = Places::default().allow_url("hdfs:///lake").unwrap();
        for (url, of_name, of_default) in [
            ("hdfs://nn.example.com:8020/lake/a", true, false),
            ("hdfs://nn.example.com:8020/wages/a", false, false),
            ("hdfs://nn.example.com/lake/a", false, false),
            ("hdfs:///lake/a", false, true),
            ("hdfs:///wages/a", false, false),
            ("viewfs://all/lake/a", false, false),
        ] {
            let allowed = [&clusters, &named, &default].map(|places| allows(places, url));
            assert_eq!(allowed, [false, of_name, of_default], "{url}");
        }
        let (own, other) = ("10.1.2.3:9000", "10.1.2.3");
        let named = Places::default().allow_url(&format!("http://{own}/")).unwrap();
        assert!(allows(&named, &format!("http://{own}/lake/a.parquet")));
        assert!(!allows(&named, &format!("http://{other}/a")));
        assert_eq!(Places::default().allow_url("lake").unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(Places::default().allow_url("file:///").unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn paths_are_judged_as_the_system_resolves_them() {
        let folder = tempfile::tempdir().unwrap();
        let (lake, secret) = (folder.path().join("lake"), folder.path().join("secret"));
        std::fs::create_dir_all(lake.join("year=2024")).unwrap();
        std::fs::create_dir_all(&secret).unwrap();
        std::fs::write(secret.join("a.csv"), "a\n1\n").unwrap();
        std::os::unix::fs::symlink(&secret, lake.join("out")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("later"), lake.join("nowhere")).unwrap();
        std::os::unix::fs::symlink(lake.join("year=2024"), folder.path().join("in")).unwrap();
        let places = Places::default().allow_path(&lake).unwrap();
        let at = |path: &str| folder.path().join(path).display().to_string();
        for inside in ["lake", "lake/", "lake/new/deep/a.csv", "lake/*.csv", "secret/../lake/a.csv", "in/a.csv"] {
            assert!(allows(&places, &at(inside)), "{inside}");
        }
        for outside in [
            "secret/a.csv",
            "lake/../secret/a.csv",
            "lake/out/a.csv",
            "lake/out/new.csv",
            "lake/nowhere",
            "lake/nowhere/a.csv",
            "lakeside/a.csv",
            "*/a.csv",
            "",
        ] {
            assert!(!allows(&places, &at(outside)), "{outside}");
        }
        assert!(allows(&places, &format!("file://{}", at("lake/a.csv"))));
        assert!(!allows(&places, &format!("file://{}", at("lake/%2e%2e/secret/a.csv"))));
        assert!(!allows(&Places::default(), &at("lake")), "without places nothing is allowed");
        assert_eq!(places.allow_path(&folder.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
