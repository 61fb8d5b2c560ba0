//! The state of a file of which its size alone is known, as a table's log tells it: it comes with the end of the file, which is read in any
//! case, and needs no request of its own. Not here: what is read after it, which is asked for in that state (`pinned.rs`).

use std::collections::BTreeSet;
use std::sync::Arc;

use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore};

use super::footers::{FileAt, Footers};
use super::pinned;
use crate::trace::Trace;

impl Footers {
    /// The state of the file `path`, which is said to have `size` bytes and may have others. Its footer is kept.
    ///
    /// `None` where the answer does not tell it, or tells no tag by which later reads are held to it; and where nothing was answered:
    /// who asks for the state alone is told why.
    pub async fn told(
        &self,
        (store, url): (&dyn ObjectStore, &Arc<str>),
        (path, size): (&Path, u64),
        trace: Option<&Trace>,
    ) -> Option<ObjectMeta> {
        let guess = self.guess(&(Arc::clone(url), path.clone())).min(size);
        if guess == 0 || url.starts_with("file:") {
            return None;
        }
        let options = GetOptions::new().with_range(Some(size - guess..size));
        let got = store.get_opts(path, options).await.ok()?;
        let meta = ObjectMeta { location: path.clone(), ..got.meta.clone() };
        if meta.size != size {
            return Some(meta);
        }
        if !pinned::is_pinned(url, &meta) {
            return None;
        }
        let end = got.bytes().await.ok().filter(|end| end.len() as u64 == guess)?;
        // What is wrong with it is said when it is asked for.
        let file = FileAt { store, url, meta: &meta, trace };
        let _ = self.footer_of(file, Some(&BTreeSet::new()), Some(end)).await;
        Some(meta)
    }
}
