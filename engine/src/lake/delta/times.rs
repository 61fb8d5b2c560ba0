//! Which version a table had at a time: by the times in its commits where it keeps them (`inCommitTimestamp`), else by those of the
//! commits' files, made to ascend.

use super::super::place::{Place, damaged};
use super::super::version::shown;
use super::actions::lines;
use super::listing::Log;
use super::replay::Replay;
use super::{Segment, checkpoint, listing};
use crate::error::{Error, ErrorKind, Result};

/// The last version that was there at `time`, in milliseconds since 1970.
///
/// # Errors
/// [`ErrorKind::NotFound`] where the log does not reach back to it.
pub(super) async fn version_at(place: &Place, log: &Log, time: i64) -> Result<u64> {
    let kept_since = times_kept_since(place, log).await?;
    let mut last: Option<(u64, i64)> = None;
    let (mut found, mut first) = (None, None);
    for (version, file) in &log.commits {
        let at = match kept_since {
            Some(since) if *version >= since => time_in(place, log, *version).await?,
            _ => {
                let of_file = place.modified(file);
                last.map_or(of_file, |(_, before)| of_file.max(before + 1))
            }
        };
        last = Some((*version, at));
        first = first.or(last);
        if at > time {
            break;
        }
        found = Some(*version);
    }
    found.ok_or_else(|| {
        let since = |(version, at)| format!(": its log begins with version {version}, of {}", shown(at));
        let since = first.map(since).unwrap_or_default();
        let message = format!("the table '{}' has no version of that time{since}", place.written());
        Error::new(ErrorKind::NotFound, message).with_hint("ask for a later time, or for a version by its number")
    })
}

/// The first version whose commit says when it was.
async fn times_kept_since(place: &Place, log: &Log) -> Result<Option<u64>> {
    let Segment { checkpoint: parts, commits, .. } = log.segment(place, None)?;
    let mut replay = Replay::default();
    checkpoint::read_into(&mut replay, place, &parts).await?;
    for (file, bytes) in listing::contents(place, &commits).await? {
        replay.commit(file, &bytes)?;
    }
    let Some(metadata) = replay.metadata() else { return Ok(None) };
    let is_on = metadata.option("delta.enableInCommitTimestamps").is_some_and(|on| on.eq_ignore_ascii_case("true"));
    let since = metadata.option("delta.inCommitTimestampEnablementVersion").and_then(|version| version.parse().ok());
    Ok(is_on.then(|| since.unwrap_or(0)))
}

async fn time_in(place: &Place, log: &Log, version: u64) -> Result<i64> {
    let Some(file) = log.commits.get(&version) else { return Ok(i64::MAX) };
    let bytes = place.read(&file.location).await?;
    let infos = lines(&bytes).filter_map(|(_, line)| line.ok()?.commit_info);
    let mut times = infos.filter_map(|info| info.in_commit_timestamp);
    times.next().ok_or_else(|| damaged(&file.location, "it does not say when it was made (inCommitTimestamp)"))
}
