//! Paths as metadata writes them: below the table, with characters as numbers (`%20`), or whole URLs.

use object_store::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Whether `text` is a URL or begins at the root.
pub(crate) fn is_absolute(text: &str) -> bool {
    let scheme = text.split_once(":/").map(|(scheme, _)| scheme);
    text.starts_with('/')
        || scheme.is_some_and(|scheme| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        })
}

/// The path of `below`, which lies in `folder`.
///
/// # Errors
/// [`ErrorKind::Invalid`] for a path that leaves the folder.
pub(crate) fn in_folder(folder: &Path, below: &str) -> Result<Path> {
    let whole = if folder.as_ref().is_empty() { below.to_string() } else { format!("{folder}/{below}") };
    Path::parse(&whole).map_err(|_| {
        Error::new(ErrorKind::Invalid, format!("'{below}' is no path of a file in a table"))
            .with_hint("its metadata is damaged, or written by something else")
    })
}

/// Schemes that writers have for one store: each line is one.
const ALIKE: [&[&str]; 4] = [&["s3", "s3a", "s3n"], &["gs", "gcs"], &["az", "azure"], &["abfs", "abfss"]];

/// The URL `url` with the scheme that `other` has, where both schemes are names of one store.
pub(crate) fn as_in(other: &str, url: &str) -> String {
    let scheme = |url: &str| url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if let (Some(of), Some((own, rest))) = (scheme(other), url.split_once("://"))
        && ALIKE.iter().any(|names| names.contains(&of.as_str()) && names.contains(&own.to_ascii_lowercase().as_str()))
    {
        return format!("{of}://{rest}");
    }
    url.to_string()
}

/// The URL `text`, in which characters stand for themselves, with those as numbers that mean something in URLs and patterns.
pub(crate) fn encoded(text: &str) -> String {
    let mut url = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' | '*' | '?' | '[' | ']' | '{' | '}' | '#' | ' ' => url.push_str(&format!("%{:02X}", u32::from(c))),
            other => url.push(other),
        }
    }
    url
}

/// `text` with its characters that are written as numbers; `None` where they are no text.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut left = text.as_bytes();
    while let [first, rest @ ..] = left {
        let digit = |at: usize| char::from(*rest.get(at)?).to_digit(16);
        match (first, digit(0).zip(digit(1))) {
            (b'%', Some((high, low))) => {
                bytes.push(u8::try_from(high * 16 + low).ok()?);
                left = &rest[2..];
            }
            _ => {
                bytes.push(*first);
                left = rest;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_once_and_stay_in_their_folder() {
        assert_eq!(decoded("p=a%20b/c%2525.parquet").unwrap(), "p=a b/c%25.parquet");
        assert_eq!(decoded("a%2").unwrap(), "a%2");
        assert_eq!(decoded("%FF"), None);
        let folder = Path::from("lake/t");
        assert_eq!(in_folder(&folder, "p=a b/c.parquet").unwrap().as_ref(), "lake/t/p=a b/c.parquet");
        assert!(in_folder(&folder, "../secret.parquet").is_err() && in_folder(&folder, "a//b").is_err());
        assert!(is_absolute("s3://b/a") && is_absolute("/a") && is_absolute("file:/a"));
        assert!(!is_absolute("p=1:2/a.parquet") && !is_absolute("a.parquet"));
    }

    #[test]
    fn a_store_has_several_schemes() {
        assert_eq!(as_in("s3://b/t", "s3a://b/t/a.parquet"), "s3://b/t/a.parquet");
        assert_eq!(as_in("s3a://", "S3://b/t"), "s3a://b/t");
        assert_eq!(as_in("s3://b", "gs://b/t"), "gs://b/t");
        assert_eq!(as_in("file:///", "/a/b"), "/a/b");
        assert_eq!(as_in("http://h", "https://h/a"), "https://h/a");
    }
}
