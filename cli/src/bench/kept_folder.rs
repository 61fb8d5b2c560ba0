//! A folder that is made once and kept. It appears whole or not at all: it is written beside its place and renamed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Failure;

/// `root` if it is named, else a folder in the user's cache folder.
pub(super) fn root(root: Option<&Path>, in_cache: &str) -> Result<PathBuf, Failure> {
    if let Some(root) = root {
        return Ok(root.to_owned());
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    let cache = cache.ok_or_else(|| {
        Failure::other("neither XDG_CACHE_HOME nor HOME is set\nHint: say where to keep the data with --data DIR")
    })?;
    Ok(cache.join(in_cache))
}

/// The folder `name` in `root`, made where it is not there yet: `started` is told its place, `make` fills an empty one.
pub(super) fn ensure(
    root: &Path,
    name: &str,
    started: impl FnOnce(&Path),
    make: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<PathBuf, Failure> {
    let folder = root.join(name);
    if folder.is_dir() {
        return absolute(&folder);
    }
    started(&folder);
    sweep(root, name);
    let fresh = Fresh { folder: root.join(format!("{}{}", fresh_prefix(name), std::process::id())) };
    fs::create_dir_all(&fresh.folder).map_err(|error| Failure::file("make the folder", &fresh.folder, &error))?;
    make(&fresh.folder)?;
    match fs::rename(&fresh.folder, &folder) {
        Ok(()) => {}
        // Another run was quicker; its files are the same.
        Err(_) if folder.is_dir() => {}
        Err(error) => return Err(Failure::file("make the folder", &folder, &error)),
    }
    absolute(&folder)
}

fn absolute(folder: &Path) -> Result<PathBuf, Failure> {
    fs::canonicalize(folder).map_err(|error| Failure::file("open", folder, &error))
}

/// A folder in the making; removed unless it was renamed.
struct Fresh {
    folder: PathBuf,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // Gone after the rename, which is the good case.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn fresh_prefix(name: &str) -> String {
    format!(".{name}.making-")
}

/// Removes what runs that were killed left behind.
fn sweep(root: &Path, name: &str) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let found = entry.file_name();
        let process = found
            .to_str()
            .and_then(|found| found.strip_prefix(&fresh_prefix(name)))
            .and_then(|id| id.parse::<u32>().ok());
        if process.is_some_and(|id| !Path::new(&format!("/proc/{id}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
