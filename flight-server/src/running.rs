//! Statements of a session whose rows are on their way: each is found by its ticket, and ends when its query is told to.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow_flight::FlightData;
use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use tonic::Status;

use crate::queries::{Query, State, Watched, cancelled};
use crate::reply::Reply;
use crate::secrets::Secret;
use crate::session::InUse;
use crate::statements::Statement;

/// The running statements of a session, by the handles that their tickets had.
#[derive(Default)]
pub(crate) struct Running(Mutex<HashMap<Secret, Arc<Query>>>);

impl Running {
    /// Tells the statement of `handle` to end. Whether it ran.
    pub(crate) fn cancel(&self, handle: &Secret) -> bool {
        let told = self.0.lock().get(handle).map(|query| query.cancel());
        told.is_some()
    }
}

/// A statement that runs. While there is one, its session is in use.
pub(crate) struct Run {
    session: InUse,
    handle: Secret,
    watched: Arc<Watched>,
}

impl Run {
    pub(crate) fn new(session: InUse, handle: Secret, watched: Arc<Watched>) -> Self {
        session.running.0.lock().insert(handle, Arc::clone(watched.query()));
        Self { session, handle, watched }
    }

    /// The rows of `statement`, which comes to run on a lane, until they end or the query is told to end.
    ///
    /// # Errors
    /// CANCELLED when it is told so before there are rows, RESOURCE_EXHAUSTED when too many run, and those of the statement.
    pub(crate) async fn rows(self, statement: Statement) -> Result<Reply, Status> {
        let query = Arc::clone(self.watched.query());
        let starting = async {
            let place = match statement.wants_place() {
                true => Some(self.session.enter(&query).await?),
                false => None,
            };
            query.is_now(State::Running);
            self.session.common.lanes.rows(statement.fetch(Arc::clone(&query)), place).await
        };
        let rows = self.watched.unless_told(starting).await?;
        let told = Box::pin(async move { query.told().await });
        Ok(Box::pin(Rows(Some(Reading { rows, told, run: self }))))
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
    run: Run,
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
        let watched = &reading.run.watched;
        match &next {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(message))) => {
                watched.query().count_bytes((message.data_header.len() + message.data_body.len()) as u64);
            }
            Poll::Ready(Some(Err(status))) => watched.fail(status),
            Poll::Ready(None) => {
                watched.finish();
                self.0 = None;
            }
        }
        next
    }
}
