//! Host memory for the rows of a query's host inputs: a bound of its own, and a reservation of the session's memory.

use std::sync::Arc;

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use parking_lot::Mutex;

use crate::trace::Held;

/// Bytes of encoded rows that wait on the host for all inputs of a query together, unless the one who opens the runtime says
/// another number; less where the session's memory has less left. That is sixty million rows of two numbers of eight bytes,
/// and several times as many of narrow ones: about what one device step may have to know as a whole. More would cost more
/// than it gives: merging dictionaries takes as much again for a moment, several queries run at once, numbers that are more
/// come as a stream, and the host does the rest in less memory.
pub(super) const INPUT_BYTES: u64 = 1 << 30;

/// What is taken of it.
pub(super) struct Room {
    bound: u64,
    taken: Mutex<u64>,
    reservation: MemoryReservation,
    held: Held,
}

impl Room {
    /// `held` is told what is taken.
    pub(super) fn new(bound: u64, pool: &Arc<dyn MemoryPool>, held: Held) -> Self {
        let reservation = MemoryConsumer::new("rows for the device").register(pool);
        Self { bound, taken: Mutex::new(0), reservation, held }
    }

    pub(super) fn bound(&self) -> u64 {
        self.bound
    }

    /// Takes so many bytes more; where they are too many, why.
    pub(super) fn take(&self, bytes: u64) -> std::result::Result<(), String> {
        let mut taken = self.taken.lock();
        let (wanted, bound) = (*taken + bytes, self.bound);
        let rows = format!("its rows, and those of other inputs of the query, are {wanted} bytes or more");
        if wanted > bound {
            return Err(format!(
                "{rows}, and {bound} bytes may wait for the device; select fewer rows or columns of it"
            ));
        }
        let size = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.reservation.try_grow(size).map_err(|_| {
            format!(
                "{rows}, of {bound} bytes that may wait for the device, and the session's memory is used up; raise \
                 datafusion.runtime.memory_limit"
            )
        })?;
        *taken = wanted;
        self.held.set(wanted);
        Ok(())
    }

    /// Gives some of it back.
    pub(super) fn give(&self, bytes: u64) {
        let mut taken = self.taken.lock();
        let given = bytes.min(*taken);
        *taken -= given;
        self.held.set(*taken);
        self.reservation.shrink(usize::try_from(given).unwrap_or(usize::MAX).min(self.reservation.size()));
    }
}
