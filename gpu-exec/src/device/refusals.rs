//! Requests for memory that are refused though there is room: an instrument for tests of what a refusal leads to. Which
//! requests those are is said by their numbers. Not here: refusals for want of memory ([`super::memory`]).

use std::ops::Range;

use parking_lot::Mutex;

/// The requests of a device, counted.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    asked: u64,
    refused: Range<u64>,
}

impl Refusals {
    /// Refuses the requests of these numbers, from 0 on. Returns how many there were since the last call.
    pub(super) fn set(&self, refused: Range<u64>) -> u64 {
        std::mem::replace(&mut *self.0.lock(), Counted { asked: 0, refused }).asked
    }

    /// Counts a request. Whether it is one of them.
    pub(super) fn refuse_next(&self) -> bool {
        let mut counted = self.0.lock();
        let number = counted.asked;
        counted.asked += 1;
        counted.refused.contains(&number)
    }
}
