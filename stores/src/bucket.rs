//! The store of one bucket, container or server: each request goes through the store that the secret of its path opens. Secrets
//! are looked up for every request, as they come and go; what they open is kept.

use std::fmt;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use futures::stream::{BoxStream, once};
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use parking_lot::Mutex;
use url::Url;

use crate::build::build;
use crate::kind::key;
use crate::stores::OpenStore;
use crate::{Kind, Secret, Stores};

/// Stores that are kept for one bucket at most: as many secrets are in use at once.
const KEPT_MAX: usize = 16;
/// Files that are deleted at once.
const DELETES_AT_ONCE: usize = 8;

#[derive(Debug, Clone)]
pub(crate) struct Bucket(Arc<Inner>);

struct Inner {
    url: Url,
    stores: Weak<Stores>,
    opened: Mutex<Vec<Opened>>,
}

#[derive(Clone)]
struct Opened {
    secret: Option<Arc<Secret>>,
    store: Arc<dyn ObjectStore>,
}

impl Bucket {
    /// # Errors
    /// When the URL or the secret of its root names no store.
    pub(crate) fn new(stores: &Arc<Stores>, url: &Url) -> crate::Result<Self> {
        let bucket =
            Self(Arc::new(Inner { url: url.clone(), stores: Arc::downgrade(stores), opened: Mutex::default() }));
        bucket.opened("")?;
        Ok(bucket)
    }

    /// What it is, without anything that opens it.
    pub(crate) fn shown(&self) -> Option<OpenStore> {
        let mut url = self.0.url.clone();
        let kind = Kind::of_scheme(url.scheme())?;
        // Azure has the container where others have a user.
        let is_container = kind == Kind::Azure && url.password().is_none();
        // A URL without a host has nobody to take away.
        if url.has_host() && !is_container {
            url.set_username("").ok()?;
            url.set_password(None).ok()?;
        }
        let opened = self.0.opened.lock();
        let mut secrets: Vec<String> =
            opened.iter().filter_map(|one| one.secret.as_ref()).map(|s| s.name().to_owned()).collect();
        secrets.sort_unstable();
        secrets.dedup();
        Some(OpenStore {
            url: key(&url),
            kind,
            secrets,
            is_open_without: opened.iter().any(|one| one.secret.is_none()),
        })
    }

    fn at(&self, path: &Path) -> Result<Arc<dyn ObjectStore>> {
        self.opened(path.as_ref()).map_err(|e| match e {
            crate::Error::Store { source, .. } => source,
            other => object_store::Error::Generic { store: "secret", source: Box::new(other) },
        })
    }

    /// The store for what is at `path`.
    fn opened(&self, path: &str) -> crate::Result<Arc<dyn ObjectStore>> {
        let url = format!("{}/{path}", key(&self.0.url));
        let stores = self.0.stores.upgrade().unwrap_or_default();
        let secret = stores.secret(&url);
        let is_it = |opened: &&Opened| match (&opened.secret, &secret) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        if let Some(opened) = self.0.opened.lock().iter().find(is_it) {
            return Ok(Arc::clone(&opened.store));
        }
        let store = build(&self.0.url, secret.as_deref(), &stores)?;
        let mut opened = self.0.opened.lock();
        if opened.len() >= KEPT_MAX {
            opened.remove(0);
        }
        opened.push(Opened { secret, store: Arc::clone(&store) });
        Ok(store)
    }

    fn listed(&self, prefix: Option<&Path>) -> Result<Arc<dyn ObjectStore>> {
        self.at(prefix.unwrap_or(&Path::default()))
    }
}

fn failed<T: Send + 'static>(error: object_store::Error) -> BoxStream<'static, Result<T>> {
    once(async move { Err(error) }).boxed()
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", key(&self.url))
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", key(&self.0.url))
    }
}

#[async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.at(location)?.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.at(location)?.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.at(location)?.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let bucket = self.clone();
        let deleted = locations.map(move |location| {
            let bucket = bucket.clone();
            async move {
                let location = location?;
                bucket.at(&location)?.delete(&location).await?;
                Ok(location)
            }
            .boxed()
        });
        deleted.buffered(DELETES_AT_ONCE).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.listed(prefix) {
            Ok(store) => store.list(prefix),
            Err(e) => failed(e),
        }
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.listed(prefix) {
            Ok(store) => store.list_with_offset(prefix, offset),
            Err(e) => failed(e),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.listed(prefix)?.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.at(to)?.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.at(to)?.rename_opts(from, to, options).await
    }
}
