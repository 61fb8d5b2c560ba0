//! Opening a scan's files: each file's state asked anew, footers from memory or from the file, row groups pruned.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::footer::{FileState, Footer};
use super::prune::Pruner;
use super::{ColumnStore, LoadStats, ParquetScan, ScanError};

/// Files asked about at a time.
const FILES_AT_ONCE: usize = 32;

/// A row group that is to be read.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) footer: Arc<Footer>,
    pub(crate) row_group: usize,
    pub(crate) rows: usize,
}

/// The files of a scan as they are now.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) footers: Vec<Arc<Footer>>,
    /// Row groups with rows that the predicate does not rule out, in file order.
    pub(crate) groups: Vec<Group>,
}

impl Opened {
    /// Whether the predicate rules out row groups.
    pub(crate) fn skips_groups(&self) -> bool {
        let rows =
            |footer: &Arc<Footer>| (0..footer.metadata.num_row_groups()).map(|group| footer.rows(group)).sum::<usize>();
        self.footers.iter().map(rows).sum::<usize>() > self.groups.iter().map(|group| group.rows).sum()
    }
}

/// Opens the files of a scan; counts what it read in `stats`.
pub(crate) async fn open(
    columns: &ColumnStore,
    objects: &dyn ObjectStore,
    scan: &ParquetScan,
    stats: &mut LoadStats,
) -> Result<Opened, ScanError> {
    let url: Arc<str> = scan.store_url.as_str().into();
    // A list, not an adapter with a closure: a stream that borrows through one is not `Send` enough to be spawned.
    let mut opening = Vec::with_capacity(scan.files.len());
    for listed in &scan.files {
        opening.push(open_file(columns, objects, &url, listed));
    }
    let opened: Vec<_> = futures::stream::iter(opening).buffered(FILES_AT_ONCE).try_collect().await?;
    stats.files = opened.len() as u64;
    stats.file_bytes_read += opened.iter().flatten().map(|(_, bytes)| bytes).sum::<u64>();
    let footers: Vec<_> = opened.into_iter().flatten().map(|(footer, _)| footer).collect();
    let groups = surviving(&footers, scan, stats);
    Ok(Opened { footers, groups })
}

/// The footer of one file, and the bytes read for it; `None` for an empty object, which the host skips too.
async fn open_file(
    columns: &ColumnStore,
    objects: &dyn ObjectStore,
    url: &Arc<str>,
    listed: &ObjectMeta,
) -> Result<Option<(Arc<Footer>, u64)>, ScanError> {
    let path = &listed.location;
    let meta = match objects.head(path).await {
        Ok(meta) => meta,
        Err(error) => {
            columns.forget(url, path);
            return Err(ScanError::store(path, error));
        }
    };
    if meta.size == 0 {
        columns.forget(url, path);
        return Ok(None);
    }
    if let Some(footer) = columns.footer(url, &meta) {
        return Ok(Some((footer, 0)));
    }
    let (footer, bytes) = Footer::read(objects, meta, columns.next_file()).await?;
    Ok(Some((columns.keep_footer(url, footer), bytes)))
}

fn surviving(footers: &[Arc<Footer>], scan: &ParquetScan, stats: &mut LoadStats) -> Vec<Group> {
    let pruner = Pruner::new(scan.predicate.as_ref(), &scan.table_schema);
    let mut groups = Vec::new();
    for footer in footers {
        let keep = pruner.keep(footer, &scan.table_schema);
        stats.row_groups += keep.len() as u64;
        stats.row_groups_pruned += keep.iter().filter(|keep| !**keep).count() as u64;
        for (row_group, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
            let rows = footer.rows(row_group);
            if rows > 0 {
                groups.push(Group { footer: Arc::clone(footer), row_group, rows });
            }
        }
    }
    groups
}

/// Asks again for the state of the files that were read: bytes of two states must not be mixed.
pub(crate) async fn unchanged(
    columns: &ColumnStore,
    objects: &dyn ObjectStore,
    scan: &ParquetScan,
    read: &[Arc<Footer>],
) -> Result<(), ScanError> {
    let url: Arc<str> = scan.store_url.as_str().into();
    let mut checks = Vec::with_capacity(read.len());
    for footer in read {
        checks.push(check_unchanged(columns, objects, &url, footer));
    }
    futures::stream::iter(checks).buffer_unordered(FILES_AT_ONCE).try_collect().await
}

async fn check_unchanged(
    columns: &ColumnStore,
    objects: &dyn ObjectStore,
    url: &Arc<str>,
    footer: &Footer,
) -> Result<(), ScanError> {
    let path = &footer.meta.location;
    let changed = match objects.head(path).await {
        Ok(meta) if FileState::of(&meta) == FileState::of(&footer.meta) => return Ok(()),
        Ok(_) => ScanError::FileChanged { path: path.to_string() },
        Err(error) => ScanError::store(path, error),
    };
    columns.forget(url, path);
    Err(changed)
}
