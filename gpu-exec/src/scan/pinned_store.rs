//! A store in which one file keeps its state: for readers that know stores only, as the host's. Reading the file after it was
//! replaced is an error; what is kept of its end is not read again. All else is the store's own.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::footers::{FileAt, Footers};
use super::pinned;

/// What is asked for at once of a file that is read whole.
const WHOLE_PIECE_BYTES: usize = 8 << 20;

/// See the module.
#[derive(Debug, Clone)]
pub struct PinnedStore {
    inner: Arc<dyn ObjectStore>,
    url: Arc<str>,
    meta: ObjectMeta,
    footers: Arc<Footers>,
}

impl PinnedStore {
    /// `url` is the store's.
    pub fn new(inner: Arc<dyn ObjectStore>, url: Arc<str>, meta: ObjectMeta, footers: Arc<Footers>) -> Self {
        Self { inner, url, meta, footers }
    }

    async fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let file = FileAt { store: &*self.inner, url: &self.url, meta: &self.meta, trace: None };
        if let [range] = ranges
            && let Some(part) = self.footers.part(file, range)
        {
            return Ok(vec![part]);
        }
        let read = pinned::read_checked(&*self.inner, &self.url, &self.meta, ranges).await;
        read.map_err(|error| {
            if let Some(path) = error.outdated() {
                self.footers.forget(&self.url, &path);
            }
            error.within_root(&self.url).as_of_store()
        })
    }
}

impl PinnedStore {
    /// The whole file, of which nothing is read before somebody takes it: some readers ask so for the size alone.
    fn whole(&self) -> GetResult {
        let (size, meta) = (self.meta.size, self.meta.clone());
        let pieces = (0..size).step_by(WHOLE_PIECE_BYTES).map(move |start| {
            let end = size.min(start + WHOLE_PIECE_BYTES as u64);
            start..end
        });
        let store = self.clone();
        let read = futures::stream::iter(pieces).then(move |piece| {
            let store = store.clone();
            async move { Ok(store.read(std::slice::from_ref(&piece)).await?.pop().unwrap_or_default()) }
        });
        let payload = GetResultPayload::Stream(read.boxed());
        GetResult { payload, meta, range: 0..size, attributes: Attributes::default() }
    }
}

impl fmt::Display for PinnedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for PinnedStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match &options.range {
            // What readers know as `get_range`.
            Some(GetRange::Bounded(range)) if *location == self.meta.location && !options.head => {
                let (range, meta) = (range.clone(), self.meta.clone());
                let bytes = self.read(std::slice::from_ref(&range)).await?.pop().unwrap_or_default();
                let payload = GetResultPayload::Stream(futures::stream::once(async { Ok(bytes) }).boxed());
                Ok(GetResult { payload, meta, range, attributes: Attributes::default() })
            }
            // A file of this machine is open while it is read, whatever comes in its place.
            None if *location == self.meta.location && !options.head && !self.url.starts_with("file:") => {
                Ok(self.whole())
            }
            _ => self.inner.get_opts(location, options).await,
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if *location == self.meta.location {
            self.read(ranges).await
        } else {
            self.inner.get_ranges(location, ranges).await
        }
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

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
