//! What a session keeps between two calls of its client, under handles that cannot be guessed: bounded in number and in time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tonic::Status;

use crate::secrets::{Secret, secret};

/// Values under handles. A value that nobody asks for during its time to live is dropped.
pub(crate) struct Handles<T> {
    /// What a value is called in errors: "statement", "prepared statement".
    noun: &'static str,
    capacity: usize,
    time_to_live: Duration,
    kept: Mutex<HashMap<Secret, Held<T>>>,
}

struct Held<T> {
    value: T,
    expires: Instant,
}

impl<T> Handles<T> {
    pub(crate) fn new(noun: &'static str, capacity: usize, time_to_live: Duration) -> Self {
        Self { noun, capacity, time_to_live, kept: Mutex::default() }
    }

    /// Keeps a value and gives its handle.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when as many as fit are kept and none has expired.
    pub(crate) fn insert(&self, value: T) -> Result<Secret, Status> {
        let handle = secret()?;
        self.insert_as(handle, value).map(|()| handle)
    }

    /// Keeps a value under a handle that was made before.
    ///
    /// # Errors
    /// As [`Self::insert`].
    pub(crate) fn insert_as(&self, handle: Secret, value: T) -> Result<(), Status> {
        let now = Instant::now();
        let mut expired = Vec::new();
        {
            let mut kept = self.kept.lock();
            if kept.len() >= self.capacity {
                expired = expire(&mut kept, now);
            }
            if kept.len() >= self.capacity {
                return Err(self.full());
            }
            kept.insert(handle, Held { value, expires: now + self.time_to_live });
        }
        // Dropping may end a query: not under the lock.
        drop(expired);
        Ok(())
    }

    /// Takes a value out, with its handle.
    ///
    /// # Errors
    /// NOT_FOUND for a handle that is not ours, was taken before, or has expired.
    pub(crate) fn take(&self, handle: &[u8]) -> Result<(Secret, T), Status> {
        let handle: Secret = handle.try_into().map_err(|_| self.unknown())?;
        let held = self.kept.lock().remove(&handle);
        let live = held.filter(|held| held.expires > Instant::now());
        live.map(|held| (handle, held.value)).ok_or_else(|| self.unknown())
    }

    /// A copy of a value, which then lives for another time to live.
    ///
    /// # Errors
    /// NOT_FOUND as for [`Self::take`].
    pub(crate) fn get(&self, handle: &[u8]) -> Result<T, Status>
    where
        T: Clone,
    {
        let now = Instant::now();
        let handle: &Secret = handle.try_into().map_err(|_| self.unknown())?;
        let mut kept = self.kept.lock();
        let held = kept.get_mut(handle).filter(|held| held.expires > now).ok_or_else(|| self.unknown())?;
        held.expires = now + self.time_to_live;
        Ok(held.value.clone())
    }

    /// Drops all of them.
    pub(crate) fn clear(&self) {
        let all = std::mem::take(&mut *self.kept.lock());
        drop(all);
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.kept.lock().len()
    }

    /// Drops what has expired.
    pub(crate) fn sweep(&self) {
        let expired = expire(&mut self.kept.lock(), Instant::now());
        drop(expired);
    }

    fn full(&self) -> Status {
        Status::resource_exhausted(format!(
            "a session keeps {} {}s and takes no more before some are fetched or closed, or expire ({} s after their last use)",
            self.capacity,
            self.noun,
            self.time_to_live.as_secs()
        ))
    }

    fn unknown(&self) -> Status {
        Status::not_found(format!(
            "this session has no {} under this handle: it was fetched or closed, or expired ({} s after its last use), or \
             it is another session's: a client that opens several connections logs in, for one session. Run it again",
            self.noun,
            self.time_to_live.as_secs()
        ))
    }
}

/// Takes out what has expired, for the caller to drop.
fn expire<T>(kept: &mut HashMap<Secret, Held<T>>, now: Instant) -> Vec<Held<T>> {
    kept.extract_if(|_, held| held.expires <= now).map(|(_, held)| held).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use tonic::Code;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_value_is_taken_once() {
        let handles = Handles::new("statement", 2, LONG);
        let handle = handles.insert("a").unwrap();
        assert_eq!(handles.get(&handle).unwrap(), "a");
        assert_eq!(handles.take(&handle).unwrap(), (handle, "a"));
        assert_eq!(handles.take(&handle).unwrap_err().code(), Code::NotFound);
    }

    #[test]
    fn foreign_handles_are_unknown() {
        let (ours, theirs) = (Handles::new("statement", 2, LONG), Handles::new("statement", 2, LONG));
        ours.insert(1).unwrap();
        let handle = theirs.insert(2).unwrap();
        for wrong in [handle.as_slice(), b"", b"12345678", &[0; 16], &[0; 17]] {
            assert_eq!(ours.get(wrong).unwrap_err().code(), Code::NotFound);
        }
    }

    #[test]
    fn there_is_a_bound_and_the_expired_make_room() {
        let full = Handles::new("statement", 2, LONG);
        let first = full.insert(1).unwrap();
        full.insert(2).unwrap();
        assert_eq!(full.insert(3).unwrap_err().code(), Code::ResourceExhausted);
        full.take(&first).unwrap();
        full.insert(3).unwrap();

        let brief = Handles::new("statement", 1, Duration::ZERO);
        let value = Arc::new(());
        let handle = brief.insert(Arc::clone(&value)).unwrap();
        assert_eq!(brief.get(&handle).unwrap_err().code(), Code::NotFound);
        assert_eq!(Arc::strong_count(&value), 2);
        brief.insert(Arc::new(())).unwrap();
        assert_eq!(Arc::strong_count(&value), 1, "the expired one is dropped");
        brief.sweep();
        assert!(brief.kept.lock().is_empty());
    }
}
