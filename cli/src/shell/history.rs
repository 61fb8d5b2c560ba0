//! The history file: in the XDG state folder, readable by its owner only, without statements that carry secrets.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use maar_engine::is_secret;
use reedline::{FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result, SearchQuery};

const ENTRIES: usize = 10_000;

/// The history, or `None` where its folder cannot be made: the shell then remembers this session only.
pub(super) fn open() -> Option<Box<dyn History>> {
    let path = path()?;
    let folder = path.parent()?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder).ok()?;
    make_private(&path)?;
    let file = FileBackedHistory::with_file(ENTRIES, path).ok()?;
    Some(Box::new(Discreet { file }))
}

fn path() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("maar/history"))
}

fn make_private(path: &Path) -> Option<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).ok()?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).ok()
}

/// A history that does not keep secrets.
struct Discreet {
    file: FileBackedHistory,
}

impl History for Discreet {
    fn save(&mut self, item: HistoryItem) -> Result<HistoryItem> {
        if is_secret(&item.command_line) {
            return Ok(item);
        }
        self.file.save(item)
    }

    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.file.load(id)
    }

    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.file.count(query)
    }

    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.file.search(query)
    }

    fn update(&mut self, id: HistoryItemId, updater: &dyn Fn(HistoryItem) -> HistoryItem) -> Result<()> {
        self.file.update(id, updater)
    }

    fn clear(&mut self) -> Result<()> {
        self.file.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.file.delete(id)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.file.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.file.session()
    }
}
