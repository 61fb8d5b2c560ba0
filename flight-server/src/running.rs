//! Statements of a session that run: each can be told to end, by its ticket, and all of them with the session.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow_flight::FlightData;
use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tonic::Status;

use crate::reply::Reply;
use crate::secrets::Secret;
use crate::session::InUse;

/// The running statements of a session, by the handles that their tickets had.
#[derive(Default)]
pub(crate) struct Running(Mutex<HashMap<Secret, Arc<Notify>>>);

impl Running {
    /// Tells the statement of `handle` to end. Whether it ran.
    pub(crate) fn cancel(&self, handle: &Secret) -> bool {
        let told = self.0.lock().get(handle).map(|statement| statement.notify_one());
        told.is_some()
    }

    /// Tells all of them to end.
    pub(crate) fn cancel_all(&self) {
        self.0.lock().values().for_each(|statement| statement.notify_one());
    }
}

/// A statement that runs. While there is one, its session is in use.
pub(crate) struct Run {
    session: InUse,
    handle: Secret,
    told: Arc<Notify>,
}

impl Run {
    pub(crate) fn new(session: InUse, handle: Secret) -> Self {
        let told = Arc::new(Notify::new());
        session.running.0.lock().insert(handle, Arc::clone(&told));
        Self { session, handle, told }
    }

    /// The rows that `starting` gives on a lane, until they end or the statement is told to end.
    ///
    /// # Errors
    /// CANCELLED when it is told so before there are rows, RESOURCE_EXHAUSTED when too many run, and those of `starting`.
    pub(crate) async fn rows(
        self,
        starting: impl Future<Output = Result<Reply, Status>> + Send + 'static,
    ) -> Result<Reply, Status> {
        let rows = tokio::select! {
            biased;
            () = self.told.notified() => return Err(cancelled()),
            rows = self.session.lanes.rows(starting) => rows?,
        };
        let told = Arc::clone(&self.told);
        let told = Box::pin(async move { told.notified().await });
        Ok(Box::pin(Rows(Some(Reading { rows, told, _run: self }))))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.session.running.0.lock().remove(&self.handle);
    }
}

/// Rows on their way; `None` once they have ended, and with them all that the statement held.
struct Rows(Option<Reading>);

struct Reading {
    rows: Reply,
    told: Pin<Box<dyn Future<Output = ()> + Send>>,
    _run: Run,
}

impl Stream for Rows {
    type Item = Result<FlightData, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(reading) = &mut self.0 else { return Poll::Ready(None) };
        if reading.told.as_mut().poll(context).is_ready() {
            self.0 = None;
            return Poll::Ready(Some(Err(cancelled())));
        }
        let next = reading.rows.poll_next_unpin(context);
        if let Poll::Ready(None) = next {
            self.0 = None;
        }
        next
    }
}

fn cancelled() -> Status {
    Status::cancelled("the query was cancelled")
}
