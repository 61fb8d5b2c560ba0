//! Reading a file in one state: never bytes of two.
//!
//! A store whose files have a strong tag is asked for them with If-Match, and what it answers is compared as well. What has
//! none, and local files, whose tag does not change with every change, are asked for their state once they were read: by
//! whoever reads (`open::unchanged`), or by [`read_checked`]. Not here: what of a file is kept (`footers.rs`).

use std::ops::Range;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::{Error as StoreError, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::ScanError;
use super::footer::{FileState, same_tag};

/// Requests for one file at a time.
const REQUESTS_AT_ONCE: usize = 10;
/// What lies between two ranges is read with them where it is shorter: a request costs more.
const GAP_BYTES: u64 = 8 << 10;
/// And while all that is read so is at most this part of what is wanted.
const SPARE_PART: u64 = 10;

/// Whether reads of the file prove its state: nobody has to ask for it afterwards. `url` is the store's.
pub(crate) fn is_pinned(url: &str, meta: &ObjectMeta) -> bool {
    tag(url, meta).is_some()
}

fn tag<'a>(url: &str, meta: &'a ObjectMeta) -> Option<&'a str> {
    meta.e_tag.as_deref().filter(|tag| !tag.starts_with("W/") && !url.starts_with("file:"))
}

/// The bytes of `ranges`, in their order; in the state `meta` where [`is_pinned`] says so.
pub(crate) async fn read(
    store: &dyn ObjectStore,
    url: &str,
    meta: &ObjectMeta,
    ranges: &[Range<u64>],
) -> Result<Vec<Bytes>, ScanError> {
    let path = &meta.location;
    let Some(tag) = tag(url, meta) else {
        let read = store.get_ranges(path, ranges).await.map_err(|error| ScanError::store(path, error))?;
        return if read.len() == ranges.len() { Ok(read) } else { Err(short(meta)) };
    };
    let asked = requests(ranges);
    // A list, not an adapter with a closure: a stream that borrows through one is not `Send` enough to be spawned.
    let mut asking = Vec::with_capacity(asked.len());
    for range in &asked {
        asking.push(read_tagged(store, meta, tag, range.clone()));
    }
    let read: Vec<Bytes> = futures::stream::iter(asking).buffered(REQUESTS_AT_ONCE).try_collect().await?;
    let slice = |range: &Range<u64>| {
        let at = asked.partition_point(|asked| asked.start <= range.start).checked_sub(1)?;
        let from = usize::try_from(range.start - asked[at].start).ok()?;
        let to = usize::try_from(range.end - asked[at].start).ok()?;
        (to <= read[at].len()).then(|| read[at].slice(from..to))
    };
    ranges.iter().map(|range| slice(range).ok_or_else(|| short(meta))).collect()
}

/// The same, with the state asked for afterwards where the reads do not prove it.
pub(crate) async fn read_checked(
    store: &dyn ObjectStore,
    url: &str,
    meta: &ObjectMeta,
    ranges: &[Range<u64>],
) -> Result<Vec<Bytes>, ScanError> {
    let read = read(store, url, meta, ranges).await;
    if !is_pinned(url, meta) {
        // Also where reading failed: a file that was replaced by a shorter one is no fault of the store.
        check(store, meta).await?;
    }
    read
}

/// # Errors
/// Where the file is not in the state `meta` any more.
pub(crate) async fn check(store: &dyn ObjectStore, meta: &ObjectMeta) -> Result<(), ScanError> {
    let path = &meta.location;
    let now = store.head(path).await.map_err(|error| ScanError::store(path, error))?;
    if FileState::of(&now).is(&FileState::of(meta)) { Ok(()) } else { Err(changed(meta)) }
}

async fn read_tagged(
    store: &dyn ObjectStore,
    meta: &ObjectMeta,
    tag: &str,
    range: Range<u64>,
) -> Result<Bytes, ScanError> {
    let path = &meta.location;
    match ask(store, meta, tag, range.clone()).await {
        Err(ScanError::Store { source: StoreError::Precondition { .. }, .. }) => {
            // Some stores list tags otherwise than they compare them.
            let now = store.head(path).await.map_err(|error| ScanError::store(path, error))?;
            let told = now.e_tag.as_deref().filter(|told| *told != tag);
            match told.filter(|_| FileState::of(&now).is(&FileState::of(meta))) {
                Some(told) => ask(store, meta, told, range).await.map_err(|error| match error {
                    ScanError::Store { source: StoreError::Precondition { .. }, .. } => changed(meta),
                    other => other,
                }),
                None => Err(changed(meta)),
            }
        }
        other => other,
    }
}

async fn ask(store: &dyn ObjectStore, meta: &ObjectMeta, tag: &str, range: Range<u64>) -> Result<Bytes, ScanError> {
    let path = &meta.location;
    let options = GetOptions::new().with_range(Some(range)).with_if_match(Some(tag));
    let got = store.get_opts(path, options).await.map_err(|error| ScanError::store(path, error))?;
    let told = got.meta.e_tag.clone();
    let bytes = got.bytes().await.map_err(|error| ScanError::store(path, error))?;
    match told {
        Some(told) if same_tag(&told, tag) => Ok(bytes),
        // The store does not know If-Match.
        Some(_) => Err(changed(meta)),
        None => check(store, meta).await.map(|()| bytes),
    }
}

fn changed(meta: &ObjectMeta) -> ScanError {
    ScanError::FileChanged { path: meta.location.to_string() }
}

fn short(meta: &ObjectMeta) -> ScanError {
    ScanError::corrupt(&meta.location, None, "the object store returned fewer bytes than asked for")
}

/// What is asked for so that all `ranges` are read, ascending. Neighbours are asked for together, the nearest first.
fn requests(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut apart: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|range| range.start);
    for range in sorted {
        match apart.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => apart.push(range),
        }
    }
    let mut spare = apart.iter().map(|range| range.end - range.start).sum::<u64>() / SPARE_PART;
    let mut gaps: Vec<(u64, usize)> =
        (1..apart.len()).map(|next| (apart[next].start - apart[next - 1].end, next)).collect();
    gaps.sort_unstable();
    let mut joins = vec![false; apart.len()];
    for (gap, next) in gaps {
        if gap > GAP_BYTES && gap > spare {
            break;
        }
        spare = spare.saturating_sub(gap);
        joins[next] = true;
    }
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(apart.len());
    for (range, joins) in apart.into_iter().zip(joins) {
        match joined.last_mut().filter(|_| joins) {
            Some(last) => last.end = range.end,
            None => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_close_is_asked_for_together() {
        let (kib, mib) = (1 << 10, 1 << 20);
        assert_eq!(requests(&[]), []);
        let one = |start, end| vec![Range { start, end }];
        assert_eq!(requests(&[10..20, 0..5, 20..30]), one(0, 30), "a short gap");
        assert_eq!(requests(&[0..kib, mib..mib + kib]), [0..kib, mib..mib + kib], "a gap of more than is wanted");
        let (first, second) = (0..10 * mib, 11 * mib..20 * mib);
        assert_eq!(requests(&[second.clone(), first.clone()]), one(0, 20 * mib), "a gap of a twentieth");
        let far = 21 * mib..22 * mib;
        assert_eq!(requests(&[first, far, second]), one(0, 22 * mib));
        let gaps: Vec<Range<u64>> = (0..100).map(|at| at * mib..at * mib + 900 * kib).collect();
        let read: u64 = requests(&gaps).iter().map(|range| range.end - range.start).sum();
        assert!(read <= 100 * 900 * kib * 11 / 10, "{read}");
    }
}
