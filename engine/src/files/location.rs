//! A path as it is written in SQL, and the files that it means: a file, a folder, a pattern, here or at a URL of any store.
//!
//! A folder means its own files and those of its Hive folders (`year=2024`); where there are none, all files below it. Names
//! that begin with a dot or an underscore are left out, as every writer of lakes expects. Not here: what is in the files, and how
//! those of a pattern are found (`matching`).

use std::path::Path as LocalPath;
use std::sync::Arc;

use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::{DataFusionError, Result as HostResult};
use datafusion::prelude::SessionConfig;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::gate::{self, Places};
use super::hive;
use super::matching::Search;
use super::pattern::Pattern;
use super::prune::Prune;
use super::urls::{self, Parts};
use crate::error::{Error, ErrorKind, Result};
use crate::lake;

/// Where files lie.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    /// The file or folder; of a pattern, the folder that it starts at.
    url: ListingTableUrl,
    pattern: Option<Pattern>,
    written: String,
    /// The gate of the session that named it.
    places: Option<Arc<Places>>,
}

/// A file, and the segments of its path below the location.
pub(super) struct Found<'a> {
    pub(super) folders: Vec<&'a str>,
    pub(super) name: &'a str,
}

impl Location {
    /// # Errors
    /// When `text` is neither a path nor a URL, or one that the session may not name.
    pub(crate) fn parse(config: &SessionConfig, text: &str) -> Result<Self> {
        Self::behind(gate::of(config), text)
    }

    /// Another place, which the metadata of a table here names: behind the gate of the session that named this one.
    ///
    /// # Errors
    /// As of [`Location::parse`].
    pub(crate) fn beside(&self, text: &str) -> Result<Self> {
        Self::behind(self.places.clone(), text)
    }

    fn behind(places: Option<Arc<Places>>, text: &str) -> Result<Self> {
        let location = Self { places, ..Self::ungated(text)? };
        if let Some(places) = &location.places {
            places.check(&location.url, text)?;
        }
        Ok(location)
    }

    fn ungated(text: &str) -> Result<Self> {
        let (url, pattern) = match urls::parts(text)? {
            None => local(text)?,
            Some(parts) if parts.is_local() => local_of_url(&parts, text)?,
            Some(parts) => at_store(&parts, text)?,
        };
        Ok(Self { url, pattern, written: text.to_string(), places: None })
    }

    /// As it was written.
    pub(crate) fn written(&self) -> &str {
        &self.written
    }

    pub(crate) fn url(&self) -> &ListingTableUrl {
        &self.url
    }

    pub(crate) fn is_pattern(&self) -> bool {
        self.pattern.is_some()
    }

    /// Whether it means one file by its name.
    pub(super) fn is_one_file(&self) -> bool {
        self.pattern.is_none() && !self.url.is_collection()
    }

    /// How many folders deep the files of a pattern lie at most; `None` where it leaves that open, and of what is none.
    pub(super) fn depth(&self) -> Option<usize> {
        self.pattern.as_ref().and_then(Pattern::depth)
    }

    /// Whether files of any name with that extension are among those that it means: in the folder, or in Hive's folders in it.
    pub(super) fn takes_new(&self, extension: &str, in_folders: bool) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| pattern.takes_new(extension, in_folders))
    }

    /// The files, in the order of their paths. `deep`: those of every folder below, always.
    pub(crate) async fn files(&self, store: &dyn ObjectStore, deep: bool) -> HostResult<Vec<ObjectMeta>> {
        self.files_left(store, deep, None).await
    }

    /// The files but those in folders that `prune` rules out.
    pub(super) async fn files_left(
        &self,
        store: &dyn ObjectStore,
        deep: bool,
        prune: Option<&Prune<'_>>,
    ) -> HostResult<Vec<ObjectMeta>> {
        let mut files = match &self.pattern {
            Some(pattern) => self.search(store, pattern).files(prune).await.map_err(|e| self.unlisted(e))?,
            None if self.url.is_collection() => {
                self.in_folder(store, deep, prune).await.map_err(|e| self.unlisted(e))?
            }
            None => match store.head(self.url.prefix()).await {
                Ok(file) => vec![file],
                // In an object store a folder is but a common beginning.
                Err(object_store::Error::NotFound { .. }) if !self.is_of_web() => {
                    self.in_folder(store, deep, prune).await?
                }
                Err(object_store::Error::NotFound { .. }) => Vec::new(),
                Err(e) => return Err(e.into()),
            },
        };
        if let Some(places) = &self.places {
            places.check_files(&self.url, &files)?;
        }
        files.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(files)
    }

    /// # Errors
    /// [`ErrorKind::Forbidden`] where `path`, in the store of the location, is not among what the session may read.
    pub(crate) fn check_path(&self, path: &Path) -> Result<()> {
        self.places.as_ref().map_or(Ok(()), |places| places.check_in_store(&self.url, path))
    }

    /// The segments of `file` below the location.
    pub(super) fn below<'a>(&'a self, file: &'a Path) -> Found<'a> {
        let mut folders: Vec<&str> = self.url.strip_prefix(file).map(Iterator::collect).unwrap_or_default();
        // Nothing is below a location that is one file.
        folders.pop();
        Found { folders, name: file.filename().unwrap_or_default() }
    }

    /// The path of `file` as the location is written: from the root, from here, or as a URL.
    pub(crate) fn shown(&self, file: &Path) -> String {
        if urls::is_url(&self.written) {
            return format!("{}{file}", self.url.object_store().as_str());
        }
        let whole = format!("/{file}");
        let is_relative = LocalPath::new(&self.written).is_relative();
        let here = std::env::current_dir().ok().filter(|_| is_relative);
        let below = here.and_then(|here| LocalPath::new(&whole).strip_prefix(here).ok().map(LocalPath::to_path_buf));
        match below {
            Some(below) if self.written.starts_with("./") => format!("./{}", below.display()),
            Some(below) => below.display().to_string(),
            None => whole,
        }
    }

    async fn in_folder(
        &self,
        store: &dyn ObjectStore,
        deep: bool,
        prune: Option<&Prune<'_>>,
    ) -> HostResult<Vec<ObjectMeta>> {
        let own =
            |file: &ObjectMeta| self.below(&file.location).folders.iter().all(|folder| hive::is_partition(folder));
        if let Some(prune) = prune {
            let mut left = self.seen(prune.list(store, self.url.prefix()).await?)?;
            // Whether other files count hangs on all of its own, also on those that were ruled out.
            if deep || left.is_empty() || left.iter().any(own) {
                left.retain(|file| deep || own(file));
                return Ok(left);
            }
        }
        let mut all = self.seen(store.list(Some(self.url.prefix())).try_collect().await?)?;
        if !deep && all.iter().any(own) {
            all.retain(own);
        }
        Ok(all)
    }

    /// Those of `files` whose names are not hidden.
    ///
    /// # Errors
    /// They are of a table whose log says which of them count.
    fn seen(&self, mut files: Vec<ObjectMeta>) -> HostResult<Vec<ObjectMeta>> {
        lake::in_listing(&self.written, files.iter().map(|file| &file.location))?;
        let hidden = |name: &str| name.starts_with(['.', '_']);
        files.retain(|file| {
            let found = self.below(&file.location);
            let mut folders = found.folders.iter();
            !hidden(found.name) && !folders.any(|folder| hidden(folder) && !hive::is_partition(folder))
        });
        Ok(files)
    }

    fn search<'a>(&'a self, store: &'a dyn ObjectStore, pattern: &'a Pattern) -> Search<'a> {
        Search { store, folder: self.url.prefix(), pattern, is_local: self.url.scheme() == urls::LOCAL }
    }

    fn is_of_web(&self) -> bool {
        self.url.scheme().starts_with("http")
    }

    /// What keeps a store from listing its files: servers of the web have no way to.
    pub(crate) fn unlisted(&self, error: DataFusionError) -> DataFusionError {
        if !self.is_of_web() {
            return error;
        }
        let message = format!(
            "the server of '{}' does not list files: {}",
            urls::shown(&self.written),
            Error::from(error).message()
        );
        Error::new(ErrorKind::Unsupported, message)
            .with_hint("name each file: FROM ['https://.../a.parquet', ...], or {a,b}.parquet")
            .into()
    }
}

/// A path on this machine, and the pattern in it if there is no file of that very name.
fn local(path: &str) -> Result<(ListingTableUrl, Option<Pattern>)> {
    Ok(match Pattern::split(path) {
        Some((base, pattern)) if !LocalPath::new(path).exists() => {
            (local_url(base, true)?, Some(Pattern::new(pattern)?))
        }
        _ => (local_url(path, false)?, None),
    })
}

/// The same of a URL, in which characters may be written as numbers.
fn local_of_url(parts: &Parts<'_>, text: &str) -> Result<(ListingTableUrl, Option<Pattern>)> {
    if !(parts.authority.is_empty() || parts.authority.eq_ignore_ascii_case("localhost")) {
        let message = format!("'{text}' names a file of another machine, '{}'", parts.authority);
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("the URL of a file of this machine has three slashes: file:///"));
    }
    let decoded = |path: &str| -> Result<String> {
        let url = ListingTableUrl::parse(parts.with_path(path))?;
        Ok(format!("/{}", url.prefix()))
    };
    let whole = decoded(parts.path)?;
    Ok(match Pattern::split(parts.path) {
        Some((base, pattern)) if !LocalPath::new(&whole).exists() => {
            (local_url(&decoded(base)?, true)?, Some(Pattern::of_url(pattern)?))
        }
        _ => (local_url(&whole, parts.path.ends_with('/'))?, None),
    })
}

/// A place in a store, and the pattern in it.
fn at_store(parts: &Parts<'_>, text: &str) -> Result<(ListingTableUrl, Option<Pattern>)> {
    let (base, pattern) = match Pattern::split(parts.path) {
        Some((base, pattern)) => (base, Some(Pattern::of_url(pattern)?)),
        None => (parts.path, None),
    };
    let url = ListingTableUrl::parse(parts.with_path(base)).map_err(|e| {
        let message = format!("'{}' is no URL: {}", urls::shown(text), Error::from(e).message());
        Error::new(ErrorKind::Invalid, message)
    })?;
    Ok((url, pattern))
}

/// The URL of a path on this machine; every character of the path stands for itself.
fn local_url(path: &str, is_folder: bool) -> HostResult<ListingTableUrl> {
    let absolute = std::path::absolute(if path.is_empty() { "." } else { path })?;
    let is_folder = is_folder || path.ends_with('/') || absolute.is_dir();
    let mut url = String::from("file://");
    for byte in absolute.to_string_lossy().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => url.push(char::from(byte)),
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    if is_folder && !url.ends_with('/') {
        url.push('/');
    }
    ListingTableUrl::parse(url)
}
