//! How far a query has come by what its scans have read: never backwards, and at its end only once it is there.

use maar_engine::Watch;
use parking_lot::Mutex;

/// The most that is said of a query that runs: what comes after its scans is not over with them.
const NOT_YET: f64 = 0.99;

/// The progress of one query.
#[derive(Default)]
pub(super) struct Fraction {
    watch: Mutex<Option<Watch>>,
    /// What was said last.
    said: Mutex<Option<f64>>,
}

impl Fraction {
    /// It runs, and this sees how far it is.
    pub(super) fn runs(&self, watch: Option<Watch>) {
        *self.watch.lock() = watch;
    }

    pub(super) fn watch(&self) -> Option<Watch> {
        self.watch.lock().clone()
    }

    /// As far as is known now.
    pub(super) fn now(&self) -> Option<f64> {
        let now = self.watch().and_then(|watch| watch.fraction()).map(|now| now.min(NOT_YET));
        let mut said = self.said.lock();
        *said = match (*said, now) {
            (Some(said), Some(now)) => Some(said.max(now)),
            (said, now) => said.or(now),
        };
        *said
    }

    /// It runs no more; what was said last stands.
    pub(super) fn ends(&self) {
        let _ = self.now();
        *self.watch.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_not_made_up() {
        let fraction = Fraction::default();
        fraction.runs(None);
        assert_eq!(fraction.now(), None);
        *fraction.said.lock() = Some(0.5);
        fraction.ends();
        assert_eq!(fraction.now(), Some(0.5));
    }
}
