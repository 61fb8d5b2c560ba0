//! Ctrl-C as something to wait for. Signals that come between two waits are remembered.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Failure;

/// Listens for SIGINT; while one lives, the signal no longer ends the process by itself.
pub(crate) struct Interrupt {
    signal: Signal,
}

impl Interrupt {
    pub(crate) fn listen() -> Result<Self, Failure> {
        let signal = signal(SignalKind::interrupt()).map_err(|error| Failure::other(format!("cannot listen for Ctrl-C: {error}")))?;
        Ok(Self { signal })
    }

    /// Waits for the next Ctrl-C.
    pub(crate) async fn wait(&mut self) {
        if self.signal.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Drops signals that came while nobody waited.
    pub(crate) fn forget(&mut self) {
        while futures::FutureExt::now_or_never(self.signal.recv()).is_some() {}
    }
}

/// Ends the process, as a shell expects it, when Ctrl-C comes a second time: the first one may be waiting for a
/// plan or a kernel that does not yield.
pub(crate) async fn force_exit_on_second(mut interrupt: Interrupt) {
    interrupt.wait().await;
    interrupt.wait().await;
    std::process::exit(130);
}
