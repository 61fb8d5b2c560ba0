//! Delta Lake: a table is what the log in its `_delta_log` says, from the last checkpoint on
//! (<https://github.com/delta-io/delta/blob/master/PROTOCOL.md>).
//!
//! All that the protocol asks of readers is done, or refused by the name that it has there (`protocol`). Not here: scanning the files.

mod actions;
mod checkpoint;
mod listing;
mod protocol;
mod replay;
mod schema;
mod times;
mod values;

use std::sync::Arc;

use object_store::ObjectMeta;

pub(super) use values::bounds;

use super::place::Place;
use super::snapshot::Snapshot;
use super::version::AsOf;
use crate::error::Result;
use listing::Log;
use replay::Replay;

/// The folder of the log.
pub(super) const LOG: &str = "_delta_log";

/// The files of metadata that make a version of a table, and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    version: u64,
    /// All parts of one.
    checkpoint: Vec<ObjectMeta>,
    /// Behind the checkpoint, one a version.
    commits: Vec<ObjectMeta>,
}

/// Which files make the version that is asked for: what a new listing shows to be the same is the same version.
///
/// # Errors
/// [`crate::ErrorKind::NotFound`] for a version that there is not, or not any more.
pub(super) async fn segment(place: &Place, as_of: AsOf) -> Result<Segment> {
    let log = Log::listed(place, as_of).await?;
    match as_of {
        AsOf::Latest => log.segment(place, None),
        AsOf::Number(version) => log.segment(place, Some(version)),
        AsOf::Time(time) => {
            let version = times::version_at(place, &log, time).await?;
            log.segment(place, Some(version))
        }
    }
}

/// The version that `segment` makes.
pub(super) async fn snapshot(place: &Place, segment: &Segment) -> Result<Arc<Snapshot>> {
    let mut replay = Replay::default();
    checkpoint::read_into(&mut replay, place, &segment.checkpoint).await?;
    for (file, bytes) in listing::contents(place, &segment.commits).await? {
        replay.commit(file, &bytes)?;
    }
    Ok(Arc::new(replay.snapshot(place, segment.version)?))
}
