//! A path as it is written in SQL, and the files that it means: a file, a folder, a pattern, a URL.
//!
//! A folder means its own files and those of its Hive folders (`year=2024`); where there are none, all files below it. Names
//! that begin with a dot or an underscore are left out, as every writer of lakes expects. Not here: what is in the files.

use std::path::Path as LocalPath;
use std::sync::Arc;

use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::Result as HostResult;
use datafusion::prelude::SessionConfig;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::gate::{self, Places};
use super::hive;
use super::pattern::Pattern;
use crate::error::Result;

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
        let places = gate::of(config);
        let location = Self { places, ..Self::ungated(text)? };
        if let Some(places) = &location.places {
            places.check(&location.url, text)?;
        }
        Ok(location)
    }

    fn ungated(text: &str) -> HostResult<Self> {
        let written = text.to_string();
        if text.contains("://") {
            return Ok(Self { url: ListingTableUrl::parse(text)?, pattern: None, written, places: None });
        }
        let (base, pattern) = match split_pattern(text) {
            Some((base, pattern)) if !LocalPath::new(text).exists() => (base, Some(Pattern::new(pattern))),
            _ => (text, None),
        };
        Ok(Self { url: local_url(base, pattern.is_some())?, pattern, written, places: None })
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

    /// The files, in the order of their paths. `deep`: those of every folder below, always.
    pub(crate) async fn files(&self, store: &dyn ObjectStore, deep: bool) -> HostResult<Vec<ObjectMeta>> {
        let mut files = match &self.pattern {
            Some(pattern) => self.matching(store, pattern).await?,
            None if self.url.is_collection() => self.in_folder(store, deep).await?,
            None => match store.head(self.url.prefix()).await {
                Ok(file) => vec![file],
                // In an object store a folder is but a common beginning.
                Err(object_store::Error::NotFound { .. }) => self.in_folder(store, deep).await?,
                Err(e) => return Err(e.into()),
            },
        };
        if let Some(places) = &self.places {
            places.check_files(&self.url, &files)?;
        }
        files.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(files)
    }

    /// The segments of `file` below the location.
    pub(super) fn below<'a>(&'a self, file: &'a Path) -> Found<'a> {
        let mut folders: Vec<&str> = self.url.strip_prefix(file).map(Iterator::collect).unwrap_or_default();
        // Nothing is below a location that is one file.
        folders.pop();
        Found { folders, name: file.filename().unwrap_or_default() }
    }

    /// The path of `file` as the location is written: from the root, from here, or as a URL.
    pub(super) fn shown(&self, file: &Path) -> String {
        if self.written.contains("://") {
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

    async fn in_folder(&self, store: &dyn ObjectStore, deep: bool) -> HostResult<Vec<ObjectMeta>> {
        let mut all: Vec<ObjectMeta> = store.list(Some(self.url.prefix())).try_collect().await?;
        all.retain(|file| {
            let found = self.below(&file.location);
            let hidden = |name: &str| name.starts_with(['.', '_']);
            let mut folders = found.folders.iter();
            !hidden(found.name) && !folders.any(|folder| hidden(folder) && !hive::is_partition(folder))
        });
        let own =
            |file: &ObjectMeta| self.below(&file.location).folders.iter().all(|folder| hive::is_partition(folder));
        if !deep && all.iter().any(own) {
            all.retain(own);
        }
        Ok(all)
    }

    async fn matching(&self, store: &dyn ObjectStore, pattern: &Pattern) -> HostResult<Vec<ObjectMeta>> {
        if pattern.depth().is_none() {
            let mut all: Vec<ObjectMeta> = store.list(Some(self.url.prefix())).try_collect().await?;
            all.retain(|file| {
                let found = self.below(&file.location);
                pattern.matches(&[found.folders, vec![found.name]].concat())
            });
            return Ok(all);
        }
        let found = self.walk(store, pattern, false).await?;
        // A pattern may leave Hive's folders out: `sales/*.parquet` finds `sales/year=2024/a.parquet`.
        if found.is_empty() { self.walk(store, pattern, true).await } else { Ok(found) }
    }

    /// Looks into no folder where nothing can match.
    async fn walk(
        &self,
        store: &dyn ObjectStore,
        pattern: &Pattern,
        through_hive: bool,
    ) -> HostResult<Vec<ObjectMeta>> {
        let mut found = Vec::new();
        let mut open = vec![(self.url.prefix().clone(), 0)];
        while let Some((folder, depth)) = open.pop() {
            let listed = store.list_with_delimiter(Some(&folder)).await?;
            for below in listed.common_prefixes {
                let name = below.filename().unwrap_or_default();
                if pattern.depth().is_some_and(|most| depth < most) && pattern.admits_folder(depth, name) {
                    open.push((below, depth + 1));
                } else if through_hive && hive::is_partition(name) {
                    open.push((below, depth));
                }
            }
            if pattern.depth() == Some(depth) {
                let admitted =
                    |file: &ObjectMeta| file.location.filename().is_some_and(|name| pattern.admits_folder(depth, name));
                found.extend(listed.objects.into_iter().filter(admitted));
            }
        }
        Ok(found)
    }
}

/// `text` cut before the first segment that is a pattern.
fn split_pattern(text: &str) -> Option<(&str, &str)> {
    let at = text.find(['*', '?', '['])?;
    let start = text[..at].rfind('/').map_or(0, |slash| slash + 1);
    Some(text.split_at(start))
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
