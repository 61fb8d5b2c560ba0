//! Where a table lies: its folder in a store, and what of it the session may read.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use datafusion::execution::SessionState;
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::names::{as_in, decoded, encoded, in_folder, is_absolute};
use crate::error::{Error, ErrorKind, Result};
use crate::files::FilesAt;

/// The folder of a table.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    location: FilesAt,
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) store_url: ObjectStoreUrl,
    pub(crate) root: Path,
    /// The file of metadata, where a statement names that and not the folder.
    pub(crate) metadata: Option<Path>,
}

impl Place {
    /// # Errors
    /// When there is no such store, and for a pattern.
    pub(crate) fn of(state: &SessionState, location: FilesAt) -> Result<Self> {
        if location.is_pattern() {
            let message = format!("'{}' is a pattern, and no folder of a table", location.written());
            return Err(Error::new(ErrorKind::Invalid, message).with_hint("name the folder that the table lies in"));
        }
        let store = state.runtime_env().object_store(location.url())?;
        let (store_url, root) = (location.url().object_store(), location.url().prefix().clone());
        Ok(Self { location, store, store_url, root, metadata: None })
    }

    /// The table whose metadata is the file that this place is. It lies two folders above, as far as its files do not say where they are.
    pub(crate) fn of_metadata(self) -> Self {
        let folders = self.root.parts_count().saturating_sub(2);
        let root: Path = self.root.parts().take(folders).collect();
        Self { root, metadata: Some(self.root.clone()), ..self }
    }

    /// Whether it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.store_url.as_str().starts_with("file:")
    }

    /// As the statement has it.
    pub(crate) fn written(&self) -> &str {
        self.location.written()
    }

    /// Another folder of the same store.
    pub(crate) fn at(&self, root: Path) -> Self {
        Self { root, ..self.clone() }
    }

    /// A file of the table by its path below the table.
    pub(crate) fn below(&self, path: &str) -> Result<Path> {
        in_folder(&self.root, path)
    }

    /// A file as metadata names it: a URL-encoded path below the table, or a URL.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a URL in another store, [`ErrorKind::Forbidden`] where the session may not read it.
    pub(crate) fn named(&self, name: &str) -> Result<Path> {
        if is_absolute(name) {
            return self.at_url(name);
        }
        let path = decoded(name).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("'{name}' is no path of a file in a table"))
                .with_hint("its metadata is damaged, or written by something else")
        })?;
        self.below(&path)
    }

    /// A file by its URL, or by its path from the root.
    pub(crate) fn at_url(&self, url: &str) -> Result<Path> {
        let text = match url.split_once(":/") {
            // A path of its own is encoded too.
            None => decoded(url).unwrap_or_else(|| url.to_string()),
            // `file:/a` is `file:///a`.
            Some((scheme, rest)) if !rest.starts_with('/') => format!("{scheme}:///{rest}"),
            Some(_) => url.to_string(),
        };
        let location = self.location.beside(&as_in(self.store_url.as_str(), &text))?;
        if location.url().object_store() != self.store_url {
            let message = format!("the table '{}' has a file in another store: '{url}'", self.written());
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("read a table whose files lie where it lies: a deep clone of this one"));
        }
        if location.is_pattern() {
            let message = format!("the table '{}' names a file '{url}', which is a pattern", self.written());
            return Err(Error::new(ErrorKind::Unsupported, message).with_hint("rename the file"));
        }
        Ok(location.url().prefix().clone())
    }

    /// A file as metadata names it that was written for a table at `home`: whatever lies there, lies here. No character of the name
    /// stands for another.
    pub(crate) fn at_home(&self, home: &str, name: &str) -> Result<Path> {
        let home = as_in(name, home);
        let below = name.strip_prefix(home.trim_end_matches('/')).and_then(|below| below.strip_prefix('/'));
        match below {
            Some(below) => self.below(below.trim_start_matches('/')),
            None => match name.split_once(":/") {
                // What a path of this machine has for a URL is never encoded.
                Some(("file", path)) => self.at_url(&encoded(&format!("file:///{}", path.trim_start_matches('/')))),
                _ => self.at_url(&encoded(name)),
            },
        }
    }

    /// All of a file.
    pub(crate) async fn read(&self, path: &Path) -> Result<Bytes> {
        self.check(path)?;
        let got = self.store.get(path).await.map_err(|e| unread(e, path))?;
        got.bytes().await.map_err(|e| unread(e, path))
    }

    /// All of a file that may not be there.
    pub(crate) async fn read_if_there(&self, path: &Path) -> Result<Option<Bytes>> {
        self.check(path)?;
        match self.store.get(path).await {
            Ok(got) => Ok(Some(got.bytes().await.map_err(|e| unread(e, path))?)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(e) => Err(unread(e, path)),
        }
    }

    /// A part of a file.
    pub(crate) async fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes> {
        self.check(path)?;
        self.store.get_range(path, range).await.map_err(|e| unread(e, path))
    }

    /// The state of a file.
    pub(crate) async fn state_of(&self, path: &Path) -> Result<ObjectMeta> {
        self.check(path)?;
        self.store.head(path).await.map_err(|e| unread(e, path))
    }

    /// When a file was written, in milliseconds since 1970. A local file's state tells when anything of it changed, a copy of it too.
    pub(crate) fn modified(&self, file: &ObjectMeta) -> i64 {
        let told = file.last_modified.timestamp_millis();
        if !self.is_local() {
            return told;
        }
        let modified = std::fs::metadata(format!("/{}", file.location)).and_then(|metadata| metadata.modified());
        let since_epoch = modified.ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        since_epoch.and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or(told)
    }

    /// The files in a folder itself, whose names come after `after`, by their names.
    pub(crate) async fn files_in(&self, folder: &Path, after: Option<&Path>) -> Result<Vec<ObjectMeta>> {
        let listed = match after {
            Some(after) => self.store.list_with_offset(Some(folder), after).try_collect().await,
            None => self.store.list_with_delimiter(Some(folder)).await.map(|listed| listed.objects),
        };
        let mut files: Vec<ObjectMeta> = listed.map_err(|e| self.unlisted(e, folder))?;
        let depth = folder.parts_count() + 1;
        files.retain(|file| file.location.parts_count() == depth);
        files.iter().try_for_each(|file| self.check(&file.location))?;
        files.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(files)
    }

    /// Whether there is any file below the table's folder `name`.
    pub(crate) async fn has(&self, name: &str) -> Result<bool> {
        let folder = self.below(name)?;
        let first = self.store.list(Some(&folder)).try_next().await.map_err(|e| self.unlisted(e, &folder))?;
        Ok(first.is_some())
    }

    fn unlisted(&self, error: StoreError, folder: &Path) -> Error {
        match error {
            StoreError::NotFound { .. } => unread(error, folder),
            _ => Error::from(self.location.unlisted(error.into())).about_file(folder),
        }
    }

    /// # Errors
    /// [`ErrorKind::Forbidden`] for a file that the session may not read.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        self.location.check_path(path)
    }
}

fn unread(error: StoreError, path: &Path) -> Error {
    if matches!(error, StoreError::NotFound { .. }) {
        return Error::new(ErrorKind::NotFound, "the table names this file, and it is not there".to_string())
            .with_hint("it may have been taken away as too old (VACUUM): read a later version of the table")
            .about_file(path);
    }
    Error::from(datafusion::error::DataFusionError::from(error)).about_file(path)
}

/// What `read` makes of the file `path`. Readers of formats give up in a panic on some bytes that are no such file.
pub(crate) fn unharmed<T>(path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(damaged(path, "its reader gave up")))
}

/// What is wrong with a file of metadata.
pub(crate) fn damaged(path: &Path, cause: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Invalid, format!("it is damaged: {cause}"))
        .with_hint("a table is as good as its metadata: restore the file, or read another version")
        .about_file(path)
}
