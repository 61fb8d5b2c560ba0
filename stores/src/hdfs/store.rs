//! One cluster as a store of objects.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use hdfs_native::{Client, WriteOptions};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, RenameTargetMode, Result,
};
use tokio::time::{Instant, timeout};

use super::failure::{self, HdfsFailure, STORE};
use super::upload::Upload;
use crate::tries::Tries;

/// Files that are deleted at once.
const DELETES_AT_ONCE: usize = 8;
/// Permissions of folders that are made, as Hadoop's own client makes them.
const FOLDER_MODE: u32 = 0o755;
/// What a written file has to say for itself: nothing that its readers would not ask for.
const WRITTEN: PutResult = PutResult { e_tag: None, version: None };

/// The name of a file for the cluster.
pub(super) fn absolute(path: &Path) -> String {
    format!("/{path}")
}

/// Whether a request changes something: it is not made twice then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    Read,
    Change,
}

/// One cluster.
#[derive(Debug, Clone)]
pub(crate) struct Hdfs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    /// As URLs name it.
    place: String,
    tries: Tries,
}

impl Hdfs {
    pub(super) fn new(client: Client, place: String, tries: Tries) -> Self {
        Self(Arc::new(Inner { client, place, tries }))
    }

    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.0.place)
    }

    /// The answer to a request about `path`, which has no slash at its beginning. The client makes it again where nobody answers.
    ///
    /// # Errors
    /// Those of the cluster, with the method, the URL and how often it was tried.
    pub(super) async fn ask<T>(
        &self,
        method: &'static str,
        path: &str,
        does: Does,
        asked: BoxFuture<'_, hdfs_native::Result<T>>,
    ) -> Result<T> {
        let Tries { retries, within } = self.0.tries;
        let begun = Instant::now();
        match timeout(within, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(cause)) => {
                let tried = if failure::was_tried_again(&cause, does == Does::Change) {
                    let (tries, seconds) = (u32::from(retries) + 1, begun.elapsed().as_secs_f64());
                    format!(" after {tries} tries in {seconds:.1} s")
                } else {
                    String::new()
                };
                Err(failure::of(path, &cause, HdfsFailure::new(method, self.url(path), tried, &cause)))
            }
            Err(_) => {
                let source = Box::new(HdfsFailure::silent(method, self.url(path), within.as_secs()));
                Err(object_store::Error::Generic { store: STORE, source })
            }
        }
    }

    async fn remove(&self, path: &Path) -> Result<()> {
        let name = absolute(path);
        let deleted = self.ask("delete", path.as_ref(), Does::Change, self.client().delete(&name, false).boxed());
        if deleted.await? {
            return Ok(());
        }
        Err(object_store::Error::NotFound { path: path.to_string(), source: "it was not there to delete".into() })
    }

    /// Gives a file another name.
    pub(super) async fn rename_file(&self, from: &str, to: &Path, overwrites: bool) -> Result<()> {
        let name = absolute(to);
        let renamed = self.client().rename(from, &name, overwrites).boxed();
        self.ask("rename2", to.as_ref(), Does::Change, renamed).await
    }

    /// A new file, open to be written.
    pub(super) async fn create(&self, name: &str, to: &Path) -> Result<hdfs_native::file::FileWriter> {
        let options = WriteOptions::default();
        self.ask("create", to.as_ref(), Does::Change, self.client().create(name, &options).boxed()).await
    }
}

impl fmt::Display for Hdfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.0.place)
    }
}

#[async_trait]
impl ObjectStore for Hdfs {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let overwrites = match options.mode {
            PutMode::Overwrite => true,
            PutMode::Create => false,
            PutMode::Update(_) => {
                let (operation, implementer) = ("an update of one version of a file".into(), STORE.into());
                return Err(object_store::Error::NotImplemented { operation, implementer });
            }
        };
        let parts = futures::stream::iter(payload).map(Ok);
        self.write(location, parts.boxed(), overwrites).await?;
        Ok(WRITTEN)
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Upload::begin(self, location).await?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.read(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let hdfs = self.clone();
        let deleted = locations.map(move |location| {
            let hdfs = hdfs.clone();
            async move {
                let location = location?;
                hdfs.remove(&location).await?;
                Ok(location)
            }
            .boxed()
        });
        deleted.buffered(DELETES_AT_ONCE).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.below(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.in_folder(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let bytes = self.read(from, GetOptions::default()).await?.into_stream();
        self.write(to, bytes, options.mode == CopyMode::Overwrite).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        if let Some((folder, _)) = absolute(to).rsplit_once('/').filter(|(folder, _)| !folder.is_empty()) {
            let made = self.client().mkdirs(folder, FOLDER_MODE, true).boxed();
            self.ask("mkdirs", to.as_ref(), Does::Change, made).await?;
        }
        let overwrites = options.target_mode == RenameTargetMode::Overwrite;
        self.rename_file(&absolute(from), to, overwrites).await
    }
}
