//! A store in memory that notes what it is asked, and replaces a file while it is read.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use maar_engine::Session;
use maar_engine::datafusion::execution::object_store::ObjectStoreUrl;
use maar_engine::device::DeviceKind;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// How often a store was asked for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) lists: u64,
    /// For the state of one file.
    pub(crate) heads: u64,
    /// For the end of a file.
    pub(crate) tails: u64,
    /// For other bytes of one.
    pub(crate) ranges: u64,
}

/// A file that is written anew when it has been asked for bytes other than its end so often.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    pub(crate) path: Path,
    pub(crate) with: Bytes,
    pub(crate) after: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Watched {
    inner: InMemory,
    asked: Mutex<Asked>,
    /// The folders that were listed, with `**` behind those that were with all below.
    listed: Mutex<Vec<String>>,
    pub(crate) replacement: Mutex<Option<Replacement>>,
    /// As a store that has not heard of If-Match.
    ignores_if_match: bool,
}

impl Watched {
    pub(crate) fn ignoring_if_match(ignores_if_match: bool) -> Self {
        Self { ignores_if_match, ..Self::default() }
    }

    /// What it was asked since it was last asked this.
    pub(crate) fn asked(&self) -> Asked {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// The folders that were listed since this was last asked, in order.
    pub(crate) fn listed(&self) -> Vec<String> {
        let mut listed = std::mem::take(&mut *self.listed.lock().unwrap());
        listed.sort();
        listed
    }

    fn note(&self, prefix: Option<&Path>, below: &str) {
        self.listed.lock().unwrap().push(format!("{}/{below}", prefix.map_or("", AsRef::as_ref)));
    }

    /// A session whose store it is, under this URL.
    pub(crate) fn session(self: &Arc<Self>, device: DeviceKind, url: &str) -> Session {
        let session = Session::builder().device(device).target_partitions(2).build().unwrap();
        let url = ObjectStoreUrl::parse(url).unwrap();
        session.context().runtime_env().register_object_store(url.as_ref(), Arc::clone(self) as _);
        session
    }

    fn count(&self, of: impl FnOnce(&mut Asked) -> &mut u64) {
        *of(&mut self.asked.lock().unwrap()) += 1;
    }

    /// Bytes of a file are asked for.
    async fn range(&self, location: &Path, range: &Range<u64>) -> Result<()> {
        let is_tail = range.end == self.inner.head(location).await?.size;
        self.count(|asked| if is_tail { &mut asked.tails } else { &mut asked.ranges });
        let due = {
            let mut replacement = self.replacement.lock().unwrap();
            match replacement.as_mut().filter(|replacement| !is_tail && replacement.path == *location) {
                Some(replacement) if replacement.after > 0 => {
                    replacement.after -= 1;
                    None
                }
                Some(_) => replacement.take(),
                None => None,
            }
        };
        if let Some(Replacement { path, with, .. }) = due {
            self.inner.put(&path, with.into()).await?;
        }
        Ok(())
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

#[async_trait]
impl ObjectStore for Watched {
    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        if options.head {
            self.count(|asked| &mut asked.heads);
        } else if let Some(GetRange::Bounded(range)) = &options.range {
            self.range(location, range).await?;
        }
        if self.ignores_if_match {
            options.if_match = None;
        }
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        for range in ranges {
            self.range(location, range).await?;
        }
        self.inner.get_ranges(location, ranges).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.count(|asked| &mut asked.lists);
        self.note(prefix, "**");
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.count(|asked| &mut asked.lists);
        self.note(prefix, "");
        self.inner.list_with_delimiter(prefix).await
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
