//! Stores in which a file that is written gets its name only once all rows of its statement are there. Not here: whose rows they
//! are (`whole`).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::error::{DataFusionError, Result as HostResult};
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use futures::stream::BoxStream;
use futures::{FutureExt, TryFutureExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use parking_lot::Mutex;
use tokio::sync::watch;
use url::Url;

/// How the rows of a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Coming,
    Complete,
    Failed,
}

/// What all writers of a statement wait for, and the first thing that made them give up.
#[derive(Debug, Clone)]
pub(super) struct End {
    state: Arc<watch::Sender<State>>,
    cause: Arc<Mutex<Option<Arc<DataFusionError>>>>,
    /// Files in parts that their writers left as they were.
    left: Arc<Mutex<Vec<Box<dyn MultipartUpload>>>>,
}

impl Default for End {
    fn default() -> Self {
        Self { state: Arc::new(watch::channel(State::Coming).0), cause: Arc::default(), left: Arc::default() }
    }
}

impl End {
    /// All rows were given out.
    pub(super) fn complete(&self) {
        self.become_if(State::Complete, |now| now == State::Coming);
    }

    /// Rows could not be made, or not be written. Gives the error back.
    pub(super) fn fail(&self, cause: DataFusionError) -> DataFusionError {
        let cause = Arc::new(cause);
        self.cause.lock().get_or_insert_with(|| Arc::clone(&cause));
        self.become_if(State::Failed, |_| true);
        DataFusionError::Shared(cause)
    }

    /// Why there is no file, where that is known: writers tell less of it, or nothing.
    pub(super) fn cause(&self) -> Option<DataFusionError> {
        self.cause.lock().clone().map(DataFusionError::Shared)
    }

    /// Takes away what writers left. Where that fails nobody is told: what led here is.
    pub(super) async fn clear(&self) {
        let left = std::mem::take(&mut *self.left.lock());
        for mut upload in left {
            let _ = upload.abort().await;
        }
    }

    /// A store could not write.
    fn fail_in_store(&self, error: Error) -> Error {
        let source = Box::new(self.fail(DataFusionError::ObjectStore(Box::new(error))));
        Error::Generic { store: "COPY", source }
    }

    /// No more rows are asked for: a failure, unless all were given out.
    pub(super) fn abandon(&self) {
        self.become_if(State::Failed, |now| now == State::Coming);
    }

    fn become_if(&self, state: State, may: impl Fn(State) -> bool) {
        self.state.send_if_modified(|now| {
            let changes = may(*now);
            if changes {
                *now = state;
            }
            changes
        });
    }

    /// Waits for it.
    ///
    /// # Errors
    /// Where it is not that of all rows.
    async fn whole(&self) -> Result<()> {
        let mut states = self.state.subscribe();
        let is_complete = states.wait_for(|state| *state != State::Coming).await.is_ok_and(|s| *s == State::Complete);
        if is_complete {
            return Ok(());
        }
        Err(Error::Generic { store: "COPY", source: "not all rows of the statement came, so it writes no file".into() })
    }
}

/// `runtime` with such stores.
///
/// # Errors
/// When the host cannot make its runtime.
pub(super) fn guarded(runtime: &RuntimeEnv, end: &End) -> HostResult<Arc<RuntimeEnv>> {
    let registry = Registry { known: Arc::clone(&runtime.object_store_registry), end: end.clone() };
    RuntimeEnvBuilder::from_runtime_env(runtime).with_object_store_registry(Arc::new(registry)).build_arc()
}

#[derive(Debug)]
struct Registry {
    known: Arc<dyn ObjectStoreRegistry>,
    end: End,
}

impl ObjectStoreRegistry for Registry {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.known.register_store(url, store)
    }

    fn deregister_store(&self, url: &Url) -> HostResult<Arc<dyn ObjectStore>> {
        self.known.deregister_store(url)
    }

    fn get_store(&self, url: &Url) -> HostResult<Arc<dyn ObjectStore>> {
        Ok(Arc::new(WholeStore { inner: self.known.get_store(url)?, end: self.end.clone() }))
    }
}

#[derive(Debug)]
struct WholeStore {
    inner: Arc<dyn ObjectStore>,
    end: End,
}

impl fmt::Display for WholeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for WholeStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.end.whole().await?;
        self.inner.put_opts(location, payload, options).await.map_err(|e| self.end.fail_in_store(e))
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(location, options).await.map_err(|e| self.end.fail_in_store(e))?;
        Ok(Box::new(WholeUpload { inner: Some(inner), end: self.end.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
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

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

/// A file in parts.
#[derive(Debug)]
struct WholeUpload {
    /// Until it is finished or given up.
    inner: Option<Box<dyn MultipartUpload>>,
    end: End,
}

impl WholeUpload {
    fn inner(&mut self) -> Result<&mut Box<dyn MultipartUpload>> {
        let ended = || Error::Generic { store: "COPY", source: "the file was finished or given up already".into() };
        self.inner.as_mut().ok_or_else(ended)
    }
}

impl Drop for WholeUpload {
    fn drop(&mut self) {
        self.end.left.lock().extend(self.inner.take());
    }
}

#[async_trait]
impl MultipartUpload for WholeUpload {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        let end = self.end.clone();
        match self.inner() {
            Ok(inner) => inner.put_part(payload).map_err(move |e| end.fail_in_store(e)).boxed(),
            Err(e) => std::future::ready(Err(e)).boxed(),
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.end.whole().await?;
        let completed = self.inner()?.complete().await.map_err(|e| self.end.fail_in_store(e))?;
        self.inner = None;
        Ok(completed)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner()?.abort().await?;
        self.inner = None;
        Ok(())
    }
}
