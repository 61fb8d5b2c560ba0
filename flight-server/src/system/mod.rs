//! What a server says of itself, as SQL: the tables `maar.system.*`, one file each, and the function that ends a query (`kill`). Each
//! looks through its session's [`Viewer`], so that nobody sees what is another's. Not here: what is counted and kept (`queries`).

mod caches;
mod catalog;
mod kill;
mod object_stores;
mod operators;
pub(crate) mod queries;
pub(crate) mod sessions;
mod settings;
mod viewer;

use std::sync::Arc;

use maar_engine::Session;
use maar_engine::datafusion::prelude::SessionConfig;

pub(crate) use catalog::{CATALOG, SCHEMA};
pub(crate) use kill::{called, kill};
pub(crate) use viewer::Viewer;

/// Gives a client's session the view of the server that its owner has.
pub(crate) fn install(session: &Session, viewer: Viewer) {
    let viewer = Arc::new(viewer);
    session.context().register_udf(kill::function(&viewer));
    let state = session.context().state_ref();
    let mut state = state.write();
    let config: &mut SessionConfig = state.config_mut();
    config.set_extension(viewer);
    let catalogs = Arc::clone(state.catalog_list());
    drop(state);
    if catalogs.catalog(CATALOG).is_none() {
        catalogs.register_catalog(CATALOG.to_owned(), Arc::new(catalog::Catalog));
    }
}
