//! Cancelling: each connection has a number and a secret, and whoever shows both on another connection ends what runs in the first.
//! The secret has 32 bits, as version 3.0 of the protocol has it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use tonic::Status;

use crate::queries::Query;

/// The connections of a server.
#[derive(Default)]
pub(super) struct Keys {
    next: AtomicU32,
    known: Mutex<HashMap<u32, (u32, Current)>>,
}

/// What runs in a connection now, if something does.
#[derive(Clone, Default)]
pub(super) struct Current(Arc<Mutex<Option<Arc<Query>>>>);

impl Current {
    /// `query` runs, for as long as the result is held.
    pub(super) fn set(&self, query: &Arc<Query>) -> Now {
        *self.0.lock() = Some(Arc::clone(query));
        Now(self.clone())
    }
}

/// Something runs.
pub(super) struct Now(Current);

impl Drop for Now {
    fn drop(&mut self) {
        *self.0.0.lock() = None;
    }
}

/// A connection's number and secret, which are known while it is there.
pub(super) struct Key {
    keys: Arc<Keys>,
    pub(super) process: u32,
    pub(super) secret: u32,
    pub(super) current: Current,
}

impl Keys {
    /// # Errors
    /// INTERNAL when the system has no randomness to give.
    pub(super) fn issue(self: &Arc<Self>) -> Result<Key, Status> {
        let [a, b, c, d, ..] = crate::secrets::secret()?;
        let secret = u32::from_be_bytes([a, b, c, d]);
        let current = Current::default();
        let mut known = self.known.lock();
        // The number is a signed one to some, and it may have come round.
        let next = || (self.next.fetch_add(1, Ordering::Relaxed) % 0x7fff_ffff) + 1;
        let mut process = next();
        while known.contains_key(&process) {
            process = next();
        }
        known.insert(process, (secret, current.clone()));
        Ok(Key { keys: Arc::clone(self), process, secret, current })
    }

    /// Ends what runs in a connection; does nothing, and says nothing, where number or secret are wrong.
    pub(super) fn cancel(&self, process: u32, secret: u32) {
        let known = self.known.lock();
        let query =
            known.get(&process).filter(|(own, _)| *own == secret).and_then(|(_, current)| current.0.lock().clone());
        if let Some(query) = query {
            query.cancel();
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.keys.known.lock().remove(&self.process);
    }
}
