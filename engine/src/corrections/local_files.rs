//! Fault: a local file that is rewritten in place, with the size and the modification time that it had, passes for the old
//! one: footers, statistics and columns that are remembered come from what is no longer there.
//!
//! Correction: a local file's time is that of its last change of any kind (`ctime`), which no program can set. Systems
//! without it keep the modification time. Test: `tests/promises/files.rs`.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

pub(super) fn install(builder: &mut SessionStateBuilder) {
    let Some(runtime) = builder.runtime_env() else { return };
    let url = ObjectStoreUrl::local_filesystem();
    let host = LocalFileSystem::new();
    // A store that an embedder put in its place stays.
    if runtime.object_store(&url).is_ok_and(|store| store.to_string() == host.to_string()) {
        runtime.register_object_store(url.as_ref(), std::sync::Arc::new(LocalFiles { host }));
    }
}

/// The local file system, whose files' times change with them.
#[derive(Debug)]
struct LocalFiles {
    host: LocalFileSystem,
}

// Also how a second installation finds its own store and lets it stand.
impl fmt::Display for LocalFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalFiles({})", self.host)
    }
}

#[async_trait]
impl ObjectStore for LocalFiles {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.host.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.host.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let mut result = self.host.get_opts(location, options).await?;
        set_time_of_change(&self.host, &mut result.meta);
        Ok(result)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.host.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.host.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        with_times_of_change(self.host.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        with_times_of_change(self.host.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut listed = self.host.list_with_delimiter(prefix).await?;
        listed.objects.iter_mut().for_each(|meta| set_time_of_change(&self.host, meta));
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.host.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.host.rename_opts(from, to, options).await
    }
}

fn with_times_of_change(listed: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
    let host = LocalFileSystem::new();
    let with_time = move |listed: Result<ObjectMeta>| {
        listed.map(|mut meta| {
            set_time_of_change(&host, &mut meta);
            meta
        })
    };
    listed.map(with_time).boxed()
}

/// One `stat`, which the listing has just warmed.
#[cfg(unix)]
fn set_time_of_change(host: &LocalFileSystem, meta: &mut ObjectMeta) {
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, SystemTime};

    let Some(found) = host.path_to_filesystem(&meta.location).ok().and_then(|path| std::fs::metadata(path).ok()) else {
        return;
    };
    let since_epoch = u64::try_from(found.ctime()).ok().zip(u32::try_from(found.ctime_nsec()).ok());
    if let Some((seconds, nanoseconds)) = since_epoch {
        meta.last_modified = (SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)).into();
    }
}

#[cfg(not(unix))]
fn set_time_of_change(_host: &LocalFileSystem, _meta: &mut ObjectMeta) {}
