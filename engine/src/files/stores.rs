//! Stores of URLs for the host: what a program registers comes first; a URL of a known scheme else opens its store when it is
//! first named. Not here: how stores are opened, and with which credentials (`maar-stores`).

use std::sync::Arc;

use datafusion::error::Result as HostResult;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::SessionConfig;
use maar_stores::Stores;
use object_store::ObjectStore;
use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// Gives the sessions of `builder` the stores of URLs, and `Stores` as an extension of their configuration.
///
/// # Errors
/// When the host cannot make its runtime.
pub(super) fn install(builder: &mut SessionStateBuilder) -> Result<()> {
    let runtime = builder.runtime_env().take().unwrap_or_default();
    let stores = Arc::new(Stores::default());
    let known = Arc::clone(&runtime.object_store_registry);
    let registry = Arc::new(Registry { known, stores: Arc::clone(&stores) });
    let runtime = RuntimeEnvBuilder::from_runtime_env(&runtime).with_object_store_registry(registry).build_arc()?;
    *builder.runtime_env() = Some(runtime);
    builder.config().get_or_insert_with(SessionConfig::new).set_extension(stores);
    Ok(())
}

/// The stores of a session.
pub(crate) fn of(config: &SessionConfig) -> Result<Arc<Stores>> {
    config.get_extension::<Stores>().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "this session has no stores of its own")
            .with_hint("build it with maar_engine::install, or register a store on its runtime")
    })
}

/// What is wrong with a store or a secret.
pub(crate) fn refused(error: maar_stores::Error) -> Error {
    let kind = match &error {
        maar_stores::Error::NoSecret(_) => ErrorKind::NotFound,
        maar_stores::Error::Address { .. } => ErrorKind::Forbidden,
        _ => ErrorKind::Invalid,
    };
    Error::new(kind, error.to_string())
}

#[derive(Debug)]
struct Registry {
    known: Arc<dyn ObjectStoreRegistry>,
    stores: Arc<Stores>,
}

impl ObjectStoreRegistry for Registry {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.known.register_store(url, store)
    }

    fn deregister_store(&self, url: &Url) -> HostResult<Arc<dyn ObjectStore>> {
        self.known.deregister_store(url)
    }

    fn get_store(&self, url: &Url) -> HostResult<Arc<dyn ObjectStore>> {
        let unknown = match self.known.get_store(url) {
            Ok(store) => return Ok(store),
            Err(e) => e,
        };
        match self.stores.of(url) {
            Some(opened) => Ok(opened.map_err(refused)?),
            None => Err(unknown),
        }
    }
}
