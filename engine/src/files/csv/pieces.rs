//! Cuts a CSV file for several readers. The host cuts it by size and lets each reader begin behind the next line break, which
//! may stand in quotes; here each piece begins where a record does. That takes one pass over the file, by the reader that
//! comes first; the others wait for it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::common::config::CsvOptions;
use datafusion::datasource::listing::{FileRange, PartitionedFile};
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::error::{DataFusionError, Result};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::records::{Marks, Records};

/// Where the host cut a file, and where records begin from there on.
type Cuts = OnceCell<HashMap<i64, i64>>;

/// The bytes where pieces of a file begin and end, ascending.
type Ends = Vec<i64>;

/// Each way in which a file was cut.
type CutFiles = HashMap<(Path, Ends), Arc<Cuts>>;

/// The pieces of one scan's files.
#[derive(Debug, Clone)]
pub(crate) struct Pieces {
    marks: Marks,
    files: Arc<Mutex<CutFiles>>,
}

/// The pieces of one scan's files, once it is known how the host cut them.
#[derive(Debug, Clone)]
pub(crate) struct PlannedPieces {
    marks: Marks,
    cuts: Arc<HashMap<Path, (Ends, Arc<Cuts>)>>,
}

impl Pieces {
    pub(crate) fn of(options: &CsvOptions) -> Self {
        Self { marks: Marks::of(options), files: Arc::default() }
    }

    /// For readers of `groups`. Those that come with the same groups share one pass.
    pub(crate) fn planned(&self, groups: &[FileGroup]) -> PlannedPieces {
        let mut wanted: HashMap<&Path, BTreeSet<i64>> = HashMap::new();
        for file in groups.iter().flat_map(FileGroup::iter) {
            if let Some(range) = &file.range {
                wanted.entry(&file.object_meta.location).or_default().extend([range.start, range.end]);
            }
        }
        let mut files = self.files.lock();
        let cuts = wanted.into_iter().map(|(path, wanted)| {
            let wanted: Ends = wanted.into_iter().collect();
            let cuts = Arc::clone(files.entry((path.clone(), wanted.clone())).or_default());
            (path.clone(), (wanted, cuts))
        });
        PlannedPieces { marks: self.marks, cuts: Arc::new(cuts.collect()) }
    }
}

impl PlannedPieces {
    /// `file`, whose piece begins and ends where records do; `None` if no record begins in it.
    pub(crate) async fn aligned(
        &self,
        store: &Arc<dyn ObjectStore>,
        mut file: PartitionedFile,
    ) -> Result<Option<PartitionedFile>> {
        let Some(range) = file.range.clone() else { return Ok(Some(file)) };
        let Some((wanted, cuts)) = self.cuts.get(&file.object_meta.location) else { return Ok(Some(file)) };
        let size = file.object_meta.size as i64;
        let marks = self.marks;
        let path = &file.object_meta.location;
        let begins = cuts.get_or_try_init(|| find(store, path, marks, wanted, size)).await?;
        let at = |offset: i64| begins.get(&offset).copied().unwrap_or(offset);
        let (start, end) = (at(range.start), at(range.end));
        if start >= end {
            return Ok(None);
        }
        file.range = Some(FileRange { start, end });
        Ok(Some(file))
    }
}

/// For each of the offsets `wanted`, in order, the first place from there on where a record begins; the end where none does.
async fn find(
    store: &Arc<dyn ObjectStore>,
    path: &Path,
    marks: Marks,
    wanted: &[i64],
    size: i64,
) -> Result<HashMap<i64, i64>> {
    let mut begins: HashMap<i64, i64> = wanted.iter().map(|offset| (*offset, size)).collect();
    let mut open = wanted.iter().copied().filter(|offset| *offset < size).peekable();
    while let Some(start) = open.next_if(|offset| *offset <= 0) {
        begins.insert(start, 0);
    }
    let mut records = Records::new(marks);
    let mut stream = store.get(path).await.map_err(DataFusionError::from)?.into_stream();
    while open.peek().is_some() {
        let Some(bytes) = stream.try_next().await.map_err(DataFusionError::from)? else { break };
        records.read(&bytes, |records| {
            let here = records.bytes_read() as i64;
            while let Some(offset) = open.next_if(|offset| *offset <= here) {
                begins.insert(offset, here);
            }
            open.peek().is_some()
        });
    }
    Ok(begins)
}
