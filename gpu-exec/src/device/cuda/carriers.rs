//! Threads that carry the pieces of a large copy between pageable and staging memory: the copy engine is several times as fast
//! as one core copies, and faster still than one core faults fresh pages in.
//!
//! Not here: what carrying a piece is (`stream.rs`), nor the staging memory (`pinned.rs`).

use std::thread;

use parking_lot::Mutex;

use super::super::DeviceResult;
use super::super::parallel::cores;

/// Threads for one copy.
const CARRIERS_MAX: usize = 8;

/// Calls `carry` once for every piece, on several threads where there are several pieces; the first error ends it.
pub(super) fn carry_all<P: Send>(
    pieces: impl ExactSizeIterator<Item = P> + Send,
    carry: impl Fn(P) -> DeviceResult<()> + Sync,
) -> DeviceResult<()> {
    let carriers = pieces.len().min(cores()).min(CARRIERS_MAX);
    if carriers <= 1 {
        return pieces.into_iter().try_for_each(carry);
    }
    let (pieces, outcome) = (Mutex::new(pieces), Mutex::new(Ok(())));
    let work = || {
        while outcome.lock().is_ok() {
            let Some(piece) = pieces.lock().next() else { return };
            if let Err(error) = carry(piece) {
                *outcome.lock() = Err(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..carriers {
            scope.spawn(work);
        }
        work();
    });
    outcome.into_inner()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::super::DeviceError;
    use super::*;

    #[test]
    fn every_piece_is_carried_once() {
        for bytes in [0, 1, 7, 64, 1000] {
            let from: Vec<u8> = (0..bytes).map(|byte| byte as u8).collect();
            let mut to = vec![0; bytes];
            carry_all(from.chunks(7).zip(to.chunks_mut(7)), |(from, to)| {
                to.copy_from_slice(from);
                Ok(())
            })
            .unwrap();
            assert_eq!(from, to);
        }
    }

    #[test]
    fn an_error_is_told() {
        let numbers: Vec<u32> = (0..100).collect();
        let carried = carry_all(numbers.chunks(3), |piece| match piece.contains(&50) {
            true => Err(DeviceError::invalid("copy", "fifty")),
            false => Ok(()),
        });
        assert!(carried.unwrap_err().to_string().contains("fifty"));
    }
}
