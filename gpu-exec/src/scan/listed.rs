//! Files as the statement itself has listed them: a state that was told a moment ago is not asked for again, file by file.
//!
//! An extension of the configuration that a statement is planned and run with; one statement's, never a session's. Whoever
//! runs plans without it has every file's state asked for when it is loaded. Not here: what becomes of a file that
//! changes after that (`open.rs`).

use std::collections::HashMap;
use std::sync::Arc;

use object_store::ObjectMeta;
use object_store::path::Path;
use parking_lot::Mutex;

/// The listings of a statement.
#[derive(Debug, Default)]
pub struct Listed(Mutex<Vec<Listing>>);

/// Files of a store, by its URL.
type Listing = (String, Arc<[ObjectMeta]>);

/// The same, by store and path.
#[derive(Debug, Default)]
pub(crate) struct States<'a>(HashMap<(&'a str, &'a Path), &'a ObjectMeta>);

impl Listed {
    /// Notes what a store has just listed. `url` is that of the store, as scans have it.
    pub fn note(&self, url: &str, files: &Arc<[ObjectMeta]>) {
        self.0.lock().push((url.to_owned(), Arc::clone(files)));
    }

    pub(crate) fn listings(&self) -> Vec<Listing> {
        self.0.lock().clone()
    }
}

impl<'a> States<'a> {
    /// Of a file in several listings, the last counts.
    pub(crate) fn of(listings: &'a [Listing]) -> Self {
        let states = listings.iter().flat_map(|(url, files)| files.iter().map(move |file| (url.as_str(), file)));
        Self(states.map(|(url, file)| ((url, &file.location), file)).collect())
    }

    /// Whether `file` was listed in the state in which it is known here.
    pub(crate) fn has(&self, url: &str, file: &ObjectMeta) -> bool {
        self.0.get(&(url, &file.location)).is_some_and(|listed| *listed == file)
    }
}
