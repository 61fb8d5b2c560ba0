//! Opening the files of scans: each file's state, asked anew where the statement has not just listed it, footers from memory
//! or from the file, row groups pruned.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use super::footer::Footer;
use super::footers::FileAt;
use super::listed::States;
use super::prune::Pruner;
use super::runs::{Choice, Run, runs};
use super::{ColumnStore, LoadStats, ParquetScan, ScanError, Source, pinned};

/// Files asked about at a time.
const FILES_AT_ONCE: usize = 32;

/// A row group that is to be read.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) footer: Arc<Footer>,
    pub(crate) row_group: usize,
    pub(crate) rows: usize,
}

/// A row group, and whether the predicate leaves it.
#[derive(Clone, Debug)]
pub(crate) struct Surviving {
    pub(crate) group: Group,
    pub(crate) kept: bool,
}

/// The files of a scan as they are now.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) footers: Vec<Arc<Footer>>,
    /// Row groups with rows, in file order: those that the predicate does not rule out, and more where more is resident.
    pub(crate) runs: Vec<Run>,
    /// Every file is in the state that the statement has listed.
    pub(crate) as_listed: bool,
}

impl Group {
    /// Bytes before compression, as the footer tells.
    pub(crate) fn bytes(&self) -> u64 {
        u64::try_from(self.footer.metadata.row_group(self.row_group).total_byte_size()).unwrap_or(0)
    }
}

impl Opened {
    /// Whether the predicate rules out row groups.
    pub(crate) fn skips_groups(&self) -> bool {
        let rows =
            |footer: &Arc<Footer>| (0..footer.metadata.num_row_groups()).map(|group| footer.rows(group)).sum::<usize>();
        self.footers.iter().map(rows).sum::<usize>() > self.runs.iter().map(|run| run.rows).sum()
    }
}

/// Opens the files of scans, a file of several scans once: a query sees it in one state. What they are is noted in `sources`.
pub(crate) async fn open(
    columns: &ColumnStore,
    sources: &[Arc<Source>],
    states: &States<'_>,
) -> Result<Vec<Opened>, ScanError> {
    let mut places: HashMap<(&str, &Path), usize> = HashMap::new();
    // What all scans want of the files of a store.
    let mut wanted: HashMap<&str, BTreeSet<String>> = HashMap::new();
    for source in sources {
        wanted.entry(&source.url).or_default().extend(source.columns.iter().cloned());
    }
    // A list, not an adapter with a closure: a stream that borrows through one is not `Send` enough to be spawned.
    let mut opening = Vec::new();
    let mut files_of = Vec::with_capacity(sources.len());
    for source in sources {
        let mut files = Vec::with_capacity(source.scan.files.len());
        for listed in &source.scan.files {
            let place = places.entry((&source.url, &listed.location)).or_insert(opening.len());
            if *place == opening.len() {
                let is_current = states.has(&source.url, listed);
                opening.push(open_file(columns, (source, &wanted[&*source.url]), listed, is_current));
            }
            files.push(*place);
        }
        files_of.push(files);
    }
    let mut opened: Vec<_> = futures::stream::iter(opening).buffered(FILES_AT_ONCE).try_collect().await?;
    let scan = |(source, files): (&Arc<Source>, Vec<usize>)| {
        let mut stats = LoadStats { files: files.len() as u64, ..LoadStats::default() };
        let mut footers = Vec::with_capacity(files.len());
        let as_listed = files.iter().all(|file| opened[*file].as_listed);
        for file in files {
            // Read for the first scan that asks.
            stats.file_bytes_read += std::mem::take(&mut opened[file].bytes_read);
            footers.extend(opened[file].footer.clone());
        }
        let choices = runs(surviving(&footers, &source.scan, &mut stats), columns.segment_rows());
        let choose = |choice: Choice| choose(columns, &source.scan, choice, &mut stats);
        let runs = choices.into_iter().map(choose).collect();
        source.note(|noted| *noted = stats);
        Opened { footers, runs, as_listed }
    };
    Ok(sources.iter().zip(files_of).map(scan).collect())
}

/// A file that was opened.
struct OpenedFile {
    /// `None` for an empty object, which the host skips too.
    footer: Option<Arc<Footer>>,
    bytes_read: u64,
    as_listed: bool,
}

/// Opens one file in the state that was listed where `is_current`, else in the one it has now.
async fn open_file(
    columns: &ColumnStore,
    (source, wanted): (&Source, &BTreeSet<String>),
    listed: &ObjectMeta,
    is_current: bool,
) -> Result<OpenedFile, ScanError> {
    if is_current && let Ok(opened) = open_state(columns, (source, wanted), listed.clone()).await {
        return Ok(OpenedFile { as_listed: true, ..opened });
    }
    // What cannot be opened as it was listed may have changed since.
    let path = &listed.location;
    match source.objects.head(path).await {
        Ok(meta) => open_state(columns, (source, wanted), meta).await,
        Err(error) => {
            columns.forget(&source.url, path);
            Err(source.named(ScanError::store(path, error)))
        }
    }
}

async fn open_state(
    columns: &ColumnStore,
    (source, wanted): (&Source, &BTreeSet<String>),
    meta: ObjectMeta,
) -> Result<OpenedFile, ScanError> {
    if meta.size == 0 {
        columns.forget(&source.url, &meta.location);
        return Ok(OpenedFile { footer: None, bytes_read: 0, as_listed: false });
    }
    let known = columns.footer(&source.url, &meta);
    if let Some(footer) = known.as_ref().filter(|footer| footer.covers(wanted)) {
        return Ok(OpenedFile { footer: Some(Arc::clone(footer)), bytes_read: 0, as_listed: false });
    }
    let trace = Some(&*source.trace);
    let at = FileAt { store: &*source.objects, url: &source.url, meta: &meta, trace };
    let read = source.footers.footer(at, Some(wanted)).await;
    let (parsed, bytes_read) = read.map_err(|error| source.named(error))?;
    // More columns of a file that is known are of the same state.
    let file = known.map_or_else(|| columns.next_file(), |known| known.file);
    let footer = Footer::new(meta, parsed, file).map_err(|error| source.named(error))?;
    Ok(OpenedFile { footer: Some(columns.keep_footer(&source.url, footer, wanted)), bytes_read, as_listed: false })
}

/// What a predicate leaves of a run, unless all of it is resident and just that is not: reading more rows costs less than
/// reading files.
fn choose(columns: &ColumnStore, scan: &ParquetScan, choice: Choice, stats: &mut LoadStats) -> Run {
    let holds = |run: &Run| {
        let fields = scan.projection.iter().map(|position| &scan.table_schema.fields()[*position]);
        run.gathered && fields.into_iter().all(|field| columns.holds(&run.parts, field))
    };
    match choice.whole {
        Some(whole) if !holds(&choice.left) && holds(&whole) => {
            stats.row_groups_pruned -= (whole.groups.len() - choice.left.groups.len()) as u64;
            whole
        }
        _ => choice.left,
    }
}

/// The row groups with rows, and which of them the predicate leaves.
fn surviving(footers: &[Arc<Footer>], scan: &ParquetScan, stats: &mut LoadStats) -> Vec<Surviving> {
    let pruner = Pruner::new(scan.predicate.as_ref(), &scan.table_schema);
    let mut groups = Vec::new();
    for footer in footers {
        let keep = pruner.keep(footer, &scan.table_schema);
        stats.row_groups += keep.len() as u64;
        stats.row_groups_pruned += keep.iter().filter(|keep| !**keep).count() as u64;
        for (row_group, kept) in keep.into_iter().enumerate() {
            let rows = footer.rows(row_group);
            if rows > 0 {
                groups.push(Surviving { group: Group { footer: Arc::clone(footer), row_group, rows }, kept });
            }
        }
    }
    groups
}

/// Asks again for the state of the files that were read: bytes of two states must not be mixed.
pub(crate) async fn unchanged(columns: &ColumnStore, read: &[(Arc<Source>, Arc<Footer>)]) -> Result<(), ScanError> {
    let mut checks = Vec::with_capacity(read.len());
    for (source, footer) in read {
        checks.push(check_unchanged(columns, source, footer));
    }
    futures::stream::iter(checks).buffer_unordered(FILES_AT_ONCE).try_collect().await
}

async fn check_unchanged(columns: &ColumnStore, source: &Source, footer: &Footer) -> Result<(), ScanError> {
    let checked = pinned::check(&*source.objects, &footer.meta).await;
    checked.map_err(|changed| {
        columns.forget(&source.url, &footer.meta.location);
        source.named(changed)
    })
}
