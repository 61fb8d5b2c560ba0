//! The secrets of a process and the stores that they open.

use std::collections::HashMap;
use std::sync::Arc;

use object_store::ObjectStore;
use parking_lot::RwLock;
use url::Url;

use crate::bucket::Bucket;
use crate::kind::{canonical, key};
use crate::{Error, Kind, Result, Secret};

/// A store that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStore {
    /// Scheme, container or none, host and port: never a user or a password.
    pub url: String,
    pub kind: Kind,
    /// The names of the secrets that requests to it were made with, and whether some were made without one.
    pub secrets: Vec<String>,
    pub is_open_without: bool,
}

/// The stores of a process. Sessions that share it share its secrets.
#[derive(Debug, Default)]
pub struct Stores {
    secrets: RwLock<Vec<Arc<Secret>>>,
    open: RwLock<HashMap<String, Arc<Bucket>>>,
    /// Hosts of HTTP that are allowed by name, where not all are.
    hosts: RwLock<Option<Vec<String>>>,
}

impl Stores {
    /// The store that `url` is in; `None` for schemes that are not known here. Nothing is asked of it.
    pub fn of(self: &Arc<Self>, url: &Url) -> Option<Result<Arc<dyn ObjectStore>>> {
        Kind::of_scheme(url.scheme())?;
        let key = key(url);
        let open = self.open.read().get(&key).cloned();
        if let Some(open) = open {
            return Some(Ok(open));
        }
        Some(Bucket::new(self, url).map(|bucket| {
            let bucket = Arc::clone(self.open.write().entry(key).or_insert_with(|| Arc::new(bucket)));
            bucket as Arc<dyn ObjectStore>
        }))
    }

    /// The stores that were opened, in the order of their URLs.
    pub fn opened(&self) -> Vec<OpenStore> {
        let open: Vec<Arc<Bucket>> = self.open.read().values().cloned().collect();
        let mut opened: Vec<OpenStore> = open.iter().filter_map(|bucket| bucket.shown()).collect();
        opened.sort_by(|one, other| one.url.cmp(&other.url));
        opened
    }

    /// Keeps a secret. `false` where one of its name is there and stays.
    ///
    /// # Errors
    /// When one of its name is there, unless it is to be replaced or to stay.
    pub fn create(&self, secret: Secret, replaces: bool, or_stays: bool) -> Result<bool> {
        let mut secrets = self.secrets.write();
        let same = |other: &Arc<Secret>| secret.replaces(other) || other.is_named(secret.name());
        match secrets.iter().position(same) {
            Some(at) if replaces || secret.replaces(&secrets[at]) => secrets[at] = Arc::new(secret),
            Some(_) if or_stays => return Ok(false),
            Some(_) => return Err(Error::Exists(secret.name().to_string())),
            None => secrets.push(Arc::new(secret)),
        }
        Ok(true)
    }

    /// Forgets a secret: the next request has another, or none.
    ///
    /// # Errors
    /// When there is none of that name, unless there need not be.
    pub fn forget(&self, name: &str, if_exists: bool) -> Result<()> {
        let mut secrets = self.secrets.write();
        match secrets.iter().position(|secret| secret.is_named(name)) {
            Some(at) => {
                secrets.remove(at);
                Ok(())
            }
            None if if_exists => Ok(()),
            None => Err(Error::NoSecret(name.to_string())),
        }
    }

    /// All secrets, in the order of their making.
    pub fn secrets(&self) -> Vec<Arc<Secret>> {
        self.secrets.read().clone()
    }

    /// From now on names of HTTP servers that lead to this network are connected to for these hosts alone: who names URLs is
    /// not who runs the process.
    pub fn allow_hosts(&self, hosts: Vec<String>) {
        *self.hosts.write() = Some(hosts);
    }

    /// Whether the host of an HTTP URL may have an address of this network.
    pub(crate) fn may_be_near(&self, host: &str) -> bool {
        self.hosts.read().as_ref().is_none_or(|hosts| hosts.iter().any(|known| known.eq_ignore_ascii_case(host)))
    }

    /// The secret of `url`: of a table before others, then that of the longest scope, then the newest.
    pub(crate) fn secret(&self, url: &str) -> Option<Arc<Secret>> {
        let url = canonical(url);
        let secrets = self.secrets.read();
        let fitting = secrets.iter().filter_map(|secret| Some((secret.fits(&url)?, secret)));
        fitting.max_by_key(|(fit, _)| *fit).map(|(_, secret)| Arc::clone(secret))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_was_opened_is_told_without_what_opens_it() {
        let stores = Arc::new(Stores::default());
        assert!(stores.opened().is_empty());
        for url in ["https://ada:hush@example.com/x.csv", "https://a.example.com:8443/y", "http://bob@b.example.com/z"]
        {
            stores.of(&Url::parse(url).unwrap()).unwrap().unwrap();
        }
        let opened = stores.opened();
        let urls: Vec<&str> = opened.iter().map(|store| store.url.as_str()).collect();
        assert_eq!(urls, ["http://b.example.com", "https://a.example.com:8443", "https://example.com"]);
        assert!(
            opened.iter().all(|store| store.kind == Kind::Http && store.secrets.is_empty() && store.is_open_without)
        );
        assert!(stores.of(&Url::parse("file:///x").unwrap()).is_none());
    }
}
