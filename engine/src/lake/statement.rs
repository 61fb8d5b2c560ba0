//! The versions that one statement reads: each table is looked up once, however often the statement names it. What a table was before is
//! kept, and is what it is as long as a new listing of its metadata shows the same files.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::execution::SessionState;
use hashlink::LinkedHashMap;
use object_store::path::Path;
use parking_lot::Mutex;

use super::find::Format;
use super::place::Place;
use super::snapshot::Snapshot;
use super::version::AsOf;
use super::{delta, iceberg};
use crate::error::Result;

/// Tables that a session keeps.
const KEPT: usize = 16;

/// A table and a version of it: store, folder or file of metadata, format.
type Key = (String, Path, Format, AsOf);

/// The versions that a statement reads while it is planned, or while it runs; the latter is an extension of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(tokio::sync::Mutex<HashMap<Key, Arc<Snapshot>>>);

/// The versions that a session has read; an extension of its configuration.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<LinkedHashMap<Key, (Source, Arc<Snapshot>)>>);

tokio::task_local! {
    /// Of the statement that is being planned.
    static PLANNED: Arc<Snapshots>;
}

impl Snapshots {
    /// `planning` of one statement.
    pub(crate) fn are_one_for<F: Future>(planning: F) -> impl Future<Output = F::Output> {
        PLANNED.scope(Arc::default(), planning)
    }

    fn of(state: &SessionState) -> Arc<Self> {
        let running = state.config().get_extension::<Self>();
        running.or_else(|| PLANNED.try_with(Arc::clone).ok()).unwrap_or_default()
    }
}

/// The version of a table that `state`'s statement reads.
pub(super) async fn snapshot(
    state: &SessionState,
    place: &Place,
    format: Format,
    as_of: AsOf,
) -> Result<Arc<Snapshot>> {
    let named = place.metadata.as_ref().unwrap_or(&place.root);
    let key = (place.store_url.as_str().to_string(), named.clone(), format, as_of);
    let statement = Snapshots::of(state);
    let mut known = statement.0.lock().await;
    if let Some(snapshot) = known.get(&key) {
        return Ok(Arc::clone(snapshot));
    }
    let source = Source::found(place, format, as_of).await?;
    let kept = state.config().get_extension::<Kept>();
    let before = kept.as_ref().and_then(|kept| kept.get(&key, &source));
    let snapshot = match before {
        Some(snapshot) => {
            // Somebody else may have read it, who may read more.
            snapshot.paths().filter(|path| !path.prefix_matches(&place.root)).try_for_each(|path| place.check(path))?;
            snapshot
        }
        None => source.read(place).await?,
    };
    if let Some(kept) = kept {
        kept.put(key.clone(), source, &snapshot);
    }
    known.insert(key, Arc::clone(&snapshot));
    Ok(snapshot)
}

/// The files of metadata that make a version.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    Delta(delta::Segment),
    Iceberg(iceberg::Found),
}

impl Source {
    async fn found(place: &Place, format: Format, as_of: AsOf) -> Result<Self> {
        match format {
            Format::Delta => delta::segment(place, as_of).await.map(Self::Delta),
            Format::Iceberg => iceberg::found(place, as_of).await.map(Self::Iceberg),
        }
    }

    async fn read(&self, place: &Place) -> Result<Arc<Snapshot>> {
        match self {
            Self::Delta(segment) => delta::snapshot(place, segment).await,
            Self::Iceberg(found) => iceberg::snapshot(place, found).await,
        }
    }
}

impl Kept {
    fn get(&self, key: &Key, source: &Source) -> Option<Arc<Snapshot>> {
        let mut kept = self.0.lock();
        let (of, snapshot) = kept.to_back(key)?;
        (*of == *source).then(|| Arc::clone(snapshot))
    }

    fn put(&self, key: Key, source: Source, snapshot: &Arc<Snapshot>) {
        let mut kept = self.0.lock();
        kept.insert(key, (source, Arc::clone(snapshot)));
        while kept.len() > KEPT && kept.pop_front().is_some() {}
    }
}
