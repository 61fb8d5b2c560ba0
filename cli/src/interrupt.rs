//! Ctrl-C as something to wait for. A thread of its own listens: operators that do not yield can keep every thread
//! of the engine's runtime busy, and with them whatever that runtime would listen with.

use std::cell::Cell;
use std::process;
use std::thread;

use futures::future::join_all;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::error::Failure;

/// What a second Ctrl-C does while the first one is not yet taken notice of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Second {
    /// Nothing more: the shell stays.
    Ignored,
    /// Ends the process: a script may be stuck in a write that nobody reads.
    Exits,
}

/// Ctrl-C, from here on not the end of the process by itself. Presses between two waits are remembered.
pub(crate) struct Interrupt {
    presses: mpsc::UnboundedReceiver<()>,
}

impl Interrupt {
    pub(crate) fn listen(second: Second) -> Result<Self, Failure> {
        Self::of(second, &[SignalKind::interrupt()])
    }

    /// Also SIGTERM, as what starts servers sends it to end them.
    pub(crate) fn of_a_server(second: Second) -> Result<Self, Failure> {
        Self::of(second, &[SignalKind::interrupt(), SignalKind::terminate()])
    }

    fn of(second: Second, kinds: &[SignalKind]) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::other(format!("cannot listen for Ctrl-C: {error}"));
        let runtime = Builder::new_current_thread().enable_io().build().map_err(failed)?;
        let entered = runtime.enter();
        let signals = kinds.iter().map(|kind| signal(*kind)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        drop(entered);
        let (press, presses) = mpsc::unbounded_channel();
        let listen = move || runtime.block_on(pass_on(signals, second, press));
        thread::Builder::new().name("interrupt".to_owned()).spawn(listen).map_err(failed)?;
        Ok(Self { presses })
    }

    /// Waits for the next Ctrl-C.
    pub(crate) async fn wait(&mut self) {
        if self.presses.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Drops presses that came while nobody waited.
    pub(crate) fn forget(&mut self) {
        while self.presses.try_recv().is_ok() {}
    }
}

/// Passes signals on for as long as somebody waits for them.
async fn pass_on(signals: Vec<Signal>, second: Second, press: mpsc::UnboundedSender<()>) {
    let seen = Cell::new(0);
    let each = signals.into_iter().map(async |mut signal| {
        while signal.recv().await.is_some() {
            seen.set(seen.get() + 1);
            if second == Second::Exits && seen.get() > 1 {
                process::exit(130);
            }
            if press.send(()).is_err() {
                return;
            }
        }
    });
    join_all(each).await;
}
