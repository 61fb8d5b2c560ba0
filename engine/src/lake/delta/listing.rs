//! The files of a log, and which of them make a version: the last whole checkpoint before it, and every commit behind that.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use object_store::path::Path;
use serde::Deserialize;

use super::super::place::Place;
use super::super::version::AsOf;
use super::{LOG, Segment};
use crate::error::{Error, ErrorKind, Result};

/// Digits of a version in the name of a file.
const VERSION_DIGITS: usize = 20;
/// Files of a log that are read at once.
const AT_ONCE: usize = 16;

/// What a file of a log is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Commit(u64),
    /// One that is whole.
    Checkpoint(u64),
    /// A part of so many, counted from 1.
    Part(u64, u32, u32),
}

/// The files that were listed.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) commits: BTreeMap<u64, ObjectMeta>,
    /// Every one that is whole.
    checkpoints: BTreeMap<u64, Vec<ObjectMeta>>,
}

/// What `_last_checkpoint` says, of which the version alone is of use: it is a hint and may be old.
#[derive(Debug, Deserialize)]
struct Hint {
    version: u64,
}

impl Log {
    /// The log from the checkpoint on that `_last_checkpoint` names, if that is enough for what is asked.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is no log.
    pub(super) async fn listed(place: &Place, as_of: AsOf) -> Result<Self> {
        let hint = match as_of {
            AsOf::Time(_) => None,
            AsOf::Latest | AsOf::Number(_) => hint(place).await?,
        };
        if let Some(hint) = hint
            && !matches!(as_of, AsOf::Number(version) if version < hint)
        {
            let log = Self::from(place, Some(hint)).await?;
            if log.checkpoints.contains_key(&hint) {
                return Ok(log);
            }
        }
        let log = Self::from(place, None).await?;
        if log.commits.is_empty() && log.checkpoints.is_empty() {
            let message = format!("'{}' is no Delta table: it has no log in {LOG}", place.written());
            return Err(Error::new(ErrorKind::NotFound, message).with_hint("name the folder that the log is in"));
        }
        Ok(log)
    }

    async fn from(place: &Place, version: Option<u64>) -> Result<Self> {
        let folder = place.below(LOG)?;
        let after = version.map(|version| place.below(&format!("{LOG}/{version:020}"))).transpose()?;
        let mut log = Self::default();
        let mut parts: BTreeMap<(u64, u32), Vec<(u32, ObjectMeta)>> = BTreeMap::new();
        for file in place.files_in(&folder, after.as_ref()).await? {
            match Name::of(file.location.filename().unwrap_or_default()) {
                Some(Name::Commit(version)) => drop(log.commits.insert(version, file)),
                // Of several for one version, any will do.
                Some(Name::Checkpoint(version)) => drop(log.checkpoints.insert(version, vec![file])),
                Some(Name::Part(version, part, of)) => parts.entry((version, of)).or_default().push((part, file)),
                None => {}
            }
        }
        for ((version, of), mut parts) in parts {
            parts.sort_by_key(|(part, _)| *part);
            let is_whole = parts.len() == of as usize && parts.iter().zip(1..).all(|((part, _), at)| *part == at);
            if is_whole {
                let files = || parts.into_iter().map(|(_, file)| file).collect();
                log.checkpoints.entry(version).or_insert_with(files);
            }
        }
        Ok(log)
    }

    /// The last version.
    fn last(&self) -> Option<u64> {
        let commit = self.commits.last_key_value().map(|(version, _)| *version);
        commit.max(self.checkpoints.last_key_value().map(|(version, _)| *version))
    }

    /// The files that make `version`, or the last one.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where it is not there, [`ErrorKind::Invalid`] where a commit before it is missing.
    pub(super) fn segment(&self, place: &Place, version: Option<u64>) -> Result<Segment> {
        let last = self.last().unwrap_or(0);
        let wanted = version.unwrap_or(last);
        let none = |cause: String| {
            let message = format!("the table '{}' has no version {wanted}: {cause}", place.written());
            Error::new(ErrorKind::NotFound, message).with_hint("ask for another version, or for none: the latest")
        };
        if wanted > last {
            return Err(none(format!("the last is {last}")));
        }
        let checkpoint = self.checkpoints.range(..=wanted).next_back();
        let from = checkpoint.map_or(0, |(version, _)| version + 1);
        let mut commits = Vec::new();
        for version in from..=wanted {
            match self.commits.get(&version) {
                Some(commit) => commits.push(commit.clone()),
                None if checkpoint.is_none() => {
                    return Err(none(format!("its log does not reach back: the commit of version {version} is gone")));
                }
                None => {
                    let message = format!("the log of '{}' lacks the commit of version {version}", place.written());
                    return Err(Error::new(ErrorKind::Invalid, message).with_hint("restore the file in its _delta_log"));
                }
            }
        }
        let checkpoint = checkpoint.map(|(_, files)| files.clone()).unwrap_or_default();
        Ok(Segment { version: wanted, checkpoint, commits })
    }
}

impl Name {
    fn of(name: &str) -> Option<Self> {
        let (version, rest) = name.split_at_checked(VERSION_DIGITS)?;
        let version = digits(version)?;
        let words: Vec<&str> = rest.strip_prefix('.')?.split('.').collect();
        match words.as_slice() {
            ["json"] => Some(Self::Commit(version)),
            ["checkpoint", "parquet"] => Some(Self::Checkpoint(version)),
            // Of version 2, with a name of its own.
            ["checkpoint", _, "parquet" | "json"] => Some(Self::Checkpoint(version)),
            ["checkpoint", part, of, "parquet"] => {
                Some(Self::Part(version, u32::try_from(digits(part)?).ok()?, u32::try_from(digits(of)?).ok()?))
            }
            _ => None,
        }
    }
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

async fn hint(place: &Place) -> Result<Option<u64>> {
    let bytes = place.read_if_there(&place.below(&format!("{LOG}/_last_checkpoint"))?).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice::<Hint>(&bytes).ok()).map(|hint| hint.version))
}

/// What is in `files`, in their order.
pub(super) async fn contents<'f>(place: &Place, files: &'f [ObjectMeta]) -> Result<Vec<(&'f ObjectMeta, Bytes)>> {
    let paths: Vec<Path> = files.iter().map(|file| file.location.clone()).collect();
    let read = contents_at(place, &paths).await?;
    Ok(files.iter().zip(read).map(|(file, (_, bytes))| (file, bytes)).collect())
}

/// What is in the files at `paths`, in their order.
pub(super) async fn contents_at<'p>(place: &Place, paths: &'p [Path]) -> Result<Vec<(&'p Path, Bytes)>> {
    // A list, not an adapter with a closure: a stream that borrows through one is not `Send` enough to be spawned.
    let mut reading = Vec::with_capacity(paths.len());
    for path in paths {
        reading.push(content(place, path));
    }
    stream::iter(reading).buffered(AT_ONCE).try_collect().await
}

async fn content<'p>(place: &Place, path: &'p Path) -> Result<(&'p Path, Bytes)> {
    Ok((path, place.read(path).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_files_are() {
        for (name, is) in [
            ("00000000000000000007.json", Some(Name::Commit(7))),
            ("00000000000000000010.checkpoint.parquet", Some(Name::Checkpoint(10))),
            ("00000000000000000010.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json", Some(Name::Checkpoint(10))),
            ("00000000000000000010.checkpoint.0000000002.0000000003.parquet", Some(Name::Part(10, 2, 3))),
            ("00000000000000000001.00000000000000000003.compacted.json", None),
            ("00000000000000000007.crc", None),
            ("00000000000000000007.json.tmp", None),
            ("7.json", None),
            ("_last_checkpoint", None),
            ("0000000000000000000é.json", None),
        ] {
            assert_eq!(Name::of(name), is, "{name}");
        }
    }
}
