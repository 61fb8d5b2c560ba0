//! What is known of files, of each in one state, within a bound: what was used longest ago goes first.

use std::sync::Arc;

use hashlink::LinkedHashMap;
use object_store::ObjectMeta;

use super::footer::FileState;
use super::footers::{FileName, FootersKept};

/// See the module.
#[derive(Debug)]
pub(super) struct Bounded<T> {
    /// Those used longest ago come first.
    files: LinkedHashMap<FileName, (FileState, Arc<T>, usize)>,
    bytes: usize,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { files: LinkedHashMap::new(), bytes: 0 }
    }
}

impl<T> Bounded<T> {
    pub(super) fn kept(&self, most: usize) -> FootersKept {
        FootersKept { files: self.files.len() as u64, bytes: self.bytes as u64, bytes_max: most as u64 }
    }

    pub(super) fn get(&mut self, name: &FileName, meta: &ObjectMeta) -> Option<Arc<T>> {
        let (state, known, _) = self.files.to_back(name)?;
        if state.is(&FileState::of(meta)) {
            return Some(Arc::clone(known));
        }
        self.forget(name);
        None
    }

    pub(super) fn forget(&mut self, name: &FileName) {
        if let Some((_, _, bytes)) = self.files.remove(name) {
            self.bytes -= bytes;
        }
    }

    pub(super) fn put(&mut self, name: FileName, meta: &ObjectMeta, known: Arc<T>, bytes: usize, most: usize) {
        self.bytes += bytes;
        if let Some((_, _, replaced)) = self.files.insert(name, (FileState::of(meta), known, bytes)) {
            self.bytes -= replaced;
        }
        while self.bytes > most
            && let Some((_, (_, _, bytes))) = self.files.pop_front()
        {
            self.bytes -= bytes;
        }
    }
}
