//! What was computed of a dictionary's entries, kept as long as the dictionary is: a function of a million texts is asked once,
//! and not at every run of a query.
//!
//! Not here: what that is (`strategy/lookup.rs`); to this room it is a value with a key.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

/// Values kept for one dictionary; the one used longest ago goes first. They are small beside the texts they are of.
const KEPT_MAX: usize = 16;

type Erased = Arc<dyn Any + Send + Sync>;

/// Values by their keys, of any types.
#[derive(Default)]
pub struct Derived {
    kept: Mutex<VecDeque<(Erased, Erased)>>,
}

impl Derived {
    /// The value of `key`, made where it is not known. Two threads may make it at once: the later one is kept.
    ///
    /// # Errors
    /// That of `make`; nothing is kept then.
    pub fn get_or_make<K, V, E>(&self, key: K, make: impl FnOnce(&K) -> Result<V, E>) -> Result<Arc<V>, E>
    where
        K: PartialEq + Send + Sync + 'static,
        V: Send + Sync + 'static,
    {
        if let Some(known) = self.find(&key) {
            return Ok(known);
        }
        let made = Arc::new(make(&key)?);
        let mut kept = self.kept.lock();
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((Arc::new(key), Arc::clone(&made) as Erased));
        Ok(made)
    }

    fn find<K: PartialEq + 'static, V: Send + Sync + 'static>(&self, key: &K) -> Option<Arc<V>> {
        let mut kept = self.kept.lock();
        let at = kept.iter().position(|(of, _)| of.downcast_ref::<K>() == Some(key))?;
        let found = kept.remove(at)?;
        let value = Arc::clone(&found.1);
        kept.push_back(found);
        value.downcast().ok()
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kept", self.kept.lock().len())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_value_is_made_once() {
        let derived = Derived::default();
        let ask = |key: &'static str| derived.get_or_make(key, |key| Ok::<usize, ()>(key.len())).unwrap();
        let first = ask("three");
        assert!(Arc::ptr_eq(&first, &ask("three")));
        // Keys of two types are two keys.
        assert_eq!(*derived.get_or_make(5_u8, |_| Ok::<u8, ()>(9)).unwrap(), 9);
        let others: Vec<u32> = (0..KEPT_MAX as u32).collect();
        let fill = |others: &[u32]| {
            for key in others {
                derived.get_or_make(*key, |key| Ok::<u32, ()>(*key)).unwrap();
            }
        };
        fill(&others[..KEPT_MAX / 2]);
        assert!(Arc::ptr_eq(&first, &ask("three")));
        fill(&others[1..]);
        assert!(Arc::ptr_eq(&first, &ask("three")), "it was used since the oldest was");
        fill(&others);
        assert!(!Arc::ptr_eq(&first, &ask("three")), "it was used longest ago");
    }

    #[test]
    fn an_error_is_not_kept() {
        let derived = Derived::default();
        assert_eq!(derived.get_or_make(1, |_| Err::<u8, _>("no")).unwrap_err(), "no");
        assert_eq!(*derived.get_or_make(1, |_| Ok::<u8, &str>(7)).unwrap(), 7);
    }
}
