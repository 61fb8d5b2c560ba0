//! An object store in memory whose reads of column chunks, of all but the end of a file, can be made to go wrong.

use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What happens when column chunks are asked for.
#[derive(Clone, Debug)]
pub enum Fault {
    None,
    /// The object is replaced first.
    Replace(Bytes),
    /// The object is deleted first.
    Delete,
    /// The store is out of order.
    Fail,
    /// No answer ever comes.
    Stall,
}

#[derive(Debug)]
pub struct FaultyStore {
    inner: InMemory,
    pub fault: Mutex<Fault>,
    /// Bytes of column chunks given out.
    pub chunk_bytes: AtomicU64,
    /// How often a file's state was asked for.
    pub heads: AtomicU64,
}

impl FaultyStore {
    pub fn new() -> Self {
        Self {
            inner: InMemory::new(),
            fault: Mutex::new(Fault::None),
            chunk_bytes: AtomicU64::new(0),
            heads: AtomicU64::new(0),
        }
    }

    async fn go_wrong(&self, location: &Path) -> Result<()> {
        let fault = self.fault.lock().unwrap().clone();
        match fault {
            Fault::None => {}
            Fault::Replace(bytes) => drop(self.inner.put(location, bytes.into()).await?),
            Fault::Delete => self.inner.delete(location).await?,
            Fault::Fail => return Err(object_store::Error::Generic { store: "faulty", source: "out of order".into() }),
            Fault::Stall => std::future::pending().await,
        }
        Ok(())
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let size = self.inner.head(location).await?.size;
        if ranges.iter().any(|range| range.end < size) {
            self.go_wrong(location).await?;
            self.chunk_bytes.fetch_add(ranges.iter().map(|range| range.end - range.start).sum(), Ordering::Relaxed);
        }
        self.inner.get_ranges(location, ranges).await
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

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.heads.fetch_add(u64::from(options.head), Ordering::Relaxed);
        if let Some(GetRange::Bounded(range)) = &options.range
            && range.end < self.inner.head(location).await?.size
        {
            self.go_wrong(location).await?;
            self.chunk_bytes.fetch_add(range.end - range.start, Ordering::Relaxed);
        }
        self.inner.get_opts(location, options).await
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
