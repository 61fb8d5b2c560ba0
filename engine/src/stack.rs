//! Runs planning and execution on enough stack, whatever thread the embedder polls us from, and turns a panic
//! into an error. Plans are trees that DataFusion walks, clones and drops recursively.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::device::caught;
use crate::error::{Error, ErrorKind, Result};

/// Less than this left: continue on a fresh stack. A thread of [`crate::runtime()`] has 16 MiB and needs none.
const RED_ZONE_BYTES: usize = 12 << 20;
/// Only the pages touched cost memory.
const FRESH_STACK_BYTES: usize = 32 << 20;

/// Calls `f` with enough stack; a panic in it is [`ErrorKind::Internal`].
pub(crate) fn guarded<T>(f: impl FnOnce() -> T) -> Result<T> {
    stacker::maybe_grow(RED_ZONE_BYTES, FRESH_STACK_BYTES, || caught(f)).map_err(|panic| Error::panicked(&panic))
}

/// A future whose every poll, and whose drop, is [`guarded`].
pub(crate) struct Guarded<F> {
    // `None` once finished or panicked: such a future is not polled again.
    inner: Option<Pin<Box<F>>>,
}

impl<F> Guarded<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { inner: Some(Box::pin(future)) }
    }

    fn drop_inner(&mut self) {
        if let Some(inner) = self.inner.take() {
            // A panic while dropping has no caller left to tell.
            let _ = guarded(move || drop(inner));
        }
    }
}

impl<T, F: Future<Output = Result<T>>> Future for Guarded<F> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(inner) = self.inner.as_mut() else {
            return Poll::Ready(Err(Error::new(ErrorKind::Internal, "a finished query was polled again")));
        };
        let polled = match guarded(|| inner.as_mut().poll(context)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => output,
            Err(panic) => Err(panic),
        };
        self.drop_inner();
        Poll::Ready(polled)
    }
}

impl<F> Drop for Guarded<F> {
    fn drop(&mut self) {
        self.drop_inner();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let caught = guarded(|| -> u32 { std::panic::resume_unwind(Box::new("broken")) });
        assert!(
            matches!(&caught, Err(e) if e.kind() == ErrorKind::Internal && e.message().contains("broken")),
            "{caught:?}"
        );
    }

    #[test]
    fn a_small_stack_is_grown() {
        fn depth(n: usize) -> usize {
            let frame = std::hint::black_box([n; 64]);
            if n == 0 { 0 } else { 1 + depth(frame[0] - 1) }
        }
        // 10,000 frames of 512 bytes are more than the thread's 1 MiB.
        let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(|| guarded(|| depth(10_000)));
        let result = thread.map(|t| t.join());
        assert!(matches!(result, Ok(Ok(Ok(10_000)))), "{result:?}");
    }
}
