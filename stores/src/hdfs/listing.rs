//! What lies in folders. An object store has no empty ones and knows nothing of files that are still being written here.

use futures::future::BoxFuture;
use futures::stream::{BoxStream, Iter, iter, try_unfold};
use futures::{FutureExt, StreamExt, TryStreamExt};
use hdfs_native::client::FileStatus;
use object_store::path::Path;
use object_store::{Error, ListResult, ObjectMeta, Result};

use super::reading::state;
use super::store::{Does, Hdfs, absolute};
use super::writing::is_unfinished;

/// Folders that are listed at once.
const LISTS_AT_ONCE: usize = 8;

/// Files, and the folders that lie beside them.
type Level = (Iter<std::vec::IntoIter<Result<ObjectMeta>>>, Vec<String>);

impl Hdfs {
    /// What lies in `folder`: none in one that is not there, or is a file.
    async fn entries(&self, folder: String) -> Result<Vec<FileStatus>> {
        let path = folder.trim_start_matches('/');
        let listed = self.client().list_status(&folder, false).boxed();
        match self.ask("getListing", path, Does::Read, listed).await {
            Ok(mut entries) => {
                let name = |entry: &FileStatus| entry.path.rsplit('/').next().unwrap_or_default().to_string();
                entries.retain(|entry| entry.path != folder && !is_unfinished(&name(entry)));
                Ok(entries)
            }
            Err(Error::NotFound { .. }) => Ok(Vec::new()),
            Err(e) => Err(e),
        }
    }

    /// All files below a folder. One level of folders is listed at a time.
    pub(super) fn below(&self, folder: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let first = vec![folder.map_or_else(|| "/".to_string(), absolute)];
        let hdfs = self.clone();
        try_unfold(first, move |folders| hdfs.clone().level(folders).boxed()).try_flatten().boxed()
    }

    /// The files in these folders and the folders in them.
    async fn level(self, folders: Vec<String>) -> Result<Option<Level>> {
        if folders.is_empty() {
            return Ok(None);
        }
        let mut asked: Vec<BoxFuture<'_, Result<Vec<FileStatus>>>> = Vec::with_capacity(folders.len());
        for folder in folders {
            asked.push(self.entries(folder).boxed());
        }
        let listed: Vec<Vec<FileStatus>> = iter(asked).buffered(LISTS_AT_ONCE).try_collect().await?;
        let (folders, files): (Vec<_>, Vec<_>) = listed.into_iter().flatten().partition(|entry| entry.isdir);
        let files: Vec<Result<ObjectMeta>> = files.iter().map(state).collect();
        Ok(Some((iter(files), folders.into_iter().map(|folder| folder.path).collect())))
    }

    /// The files and folders in a folder.
    pub(super) async fn in_folder(&self, folder: Option<&Path>) -> Result<ListResult> {
        let entries = self.entries(folder.map_or_else(|| "/".to_string(), absolute)).await?;
        let (folders, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.isdir);
        let paths: std::result::Result<Vec<Path>, _> = folders.iter().map(|folder| Path::parse(&folder.path)).collect();
        Ok(ListResult { common_prefixes: paths?, objects: files.iter().map(state).collect::<Result<_>>()? })
    }
}
