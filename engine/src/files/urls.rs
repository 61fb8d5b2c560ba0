//! Paths that are URLs, cut into what they say. A URL carries no user, password or signature: whatever names it (errors, plans,
//! `filename`) would show them. Not here: which store a URL is in, and the files below it (`location`).

use crate::error::{Error, ErrorKind, Result};

/// Between a scheme and the rest.
const AFTER_SCHEME: &str = "://";

/// The scheme of files of this machine.
pub(super) const LOCAL: &str = "file";

/// Schemes of which what stands before `@` is a container and no user.
const WITH_CONTAINERS: [&str; 4] = ["abfs", "abfss", "wasb", "wasbs"];

/// A URL in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts<'t> {
    pub(super) scheme: &'t str,
    /// A host or a bucket.
    pub(super) authority: &'t str,
    /// Without its first slash.
    pub(super) path: &'t str,
}

/// Whether `text` is a URL rather than a path.
pub(super) fn is_url(text: &str) -> bool {
    text.contains(AFTER_SCHEME)
}

/// The parts of `text`; `None` of a path.
///
/// # Errors
/// [`ErrorKind::Invalid`] for a URL with a user or a password in it, [`ErrorKind::Unsupported`] for what would not be looked at.
pub(super) fn parts(text: &str) -> Result<Option<Parts<'_>>> {
    let Some((scheme, rest)) = text.split_once(AFTER_SCHEME) else { return Ok(None) };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let parts = Parts { scheme, authority, path };
    let invalid = |message: String| Error::new(ErrorKind::Invalid, message);
    if let Some((user, _)) = authority.rsplit_once('@')
        && (!parts.is_any(&WITH_CONTAINERS) || user.contains(':'))
    {
        return Err(invalid(format!("the URL '{}' holds a user or a password, which would be shown", shown(text)))
            .with_hint("leave them out of the URL, and give them with CREATE SECRET"));
    }
    if authority.contains(['*', '?', '[', '{']) && !is_address(authority) {
        return Err(invalid(format!("'{}' has a pattern for the name of a host or a bucket", shown(text)))
            .with_hint("name the bucket; patterns stand behind it"));
    }
    if parts.is_web() && path.contains(['?', '#']) {
        let message = format!("what stands behind ? or # of the URL '{}' is not sent to its server", shown(text));
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("write %3F for a question mark in the name of a file; credentials go into CREATE SECRET"));
    }
    Ok(Some(parts))
}

impl Parts<'_> {
    fn is_any(&self, schemes: &[&str]) -> bool {
        schemes.iter().any(|scheme| self.scheme.eq_ignore_ascii_case(scheme))
    }

    /// Whether it is of this machine.
    pub(super) fn is_local(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(LOCAL)
    }

    /// Whether a server of the web holds it, which lists no files.
    pub(super) fn is_web(&self) -> bool {
        self.is_any(&["http", "https"])
    }

    /// The URL of `path`, a part of its path. Outside of the web a number sign is one of a name.
    pub(super) fn with_path(&self, path: &str) -> String {
        format!("{}{AFTER_SCHEME}{}/{}", self.scheme, self.authority, path.replace('#', "%23").replace('?', "%3F"))
    }
}

/// An IPv6 address stands in brackets.
fn is_address(authority: &str) -> bool {
    authority.starts_with('[') && !authority.contains(['*', '?', '{'])
}

/// `text` without what may be a password or a signature in it.
pub(super) fn shown(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once(AFTER_SCHEME) else { return text.to_string() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let is_container = WITH_CONTAINERS.contains(&scheme) && !authority.contains(':');
    let place = if is_container { authority } else { host };
    let path = match scheme.starts_with("http") {
        true => path.split(['?', '#']).next().unwrap_or_default(),
        false => path,
    };
    format!("{scheme}{AFTER_SCHEME}{place}{path}")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn urls_are_cut_and_paths_are_not() {
        let (scheme, authority, path) = ("s3", "b", "p/*.csv");
        assert_eq!(parts("s3://b/p/*.csv").unwrap(), Some(Parts { scheme, authority, path }));
        assert_eq!(parts("lake/a.csv").unwrap(), None);
        assert!(parts("file:///a").unwrap().unwrap().is_local());
        assert_eq!(parts("abfss://c@a.dfs.core.windows.net/x").unwrap().unwrap().path, "x");
        assert_eq!(parts("s3://b").unwrap().unwrap().with_path("a#b"), "s3://b/a%23b");
    }

    #[test]
    fn what_would_be_shown_or_lost_is_refused_without_showing_it() {
        for (text, left) in [
            ("s3://key:hush@b/p", "'s3://b/p'"),
            ("https://hush@h/p", "'https://h/p'"),
            ("abfss://c:hush@a/x", "'abfss://a/x'"),
            ("https://h/p?sig=hush", "'https://h/p'"),
            ("https://h/p#hush", "'https://h/p'"),
            ("s3://b*/p", "bucket"),
        ] {
            let error = parts(text).unwrap_err();
            assert!(error.message().contains(left) && !error.to_string().contains("hush"), "{text}: {error}");
        }
    }
}
