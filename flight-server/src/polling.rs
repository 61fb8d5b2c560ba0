//! PollFlightInfo: a query that runs while its client asks how far it is. The first call plans and starts it, further ones say how far
//! it is once that has changed, and the last one, when the first rows are there, has the endpoint that all of them are fetched from.
//! Rows wait there as for any other client: few are made ahead. Not here: how far a query is (`queries`).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrow::datatypes::SchemaRef;
use arrow_flight::sql::{Any, TicketStatementQuery};
use arrow_flight::{FlightDescriptor, FlightInfo, PollInfo};
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};
use tonic::Status;

use crate::queries::{Query, cancelled};
use crate::reply::{self, Reply};
use crate::secrets::{Secret, secret};
use crate::session::{InUse, POLLED_TTL};
use crate::status::from_flight;
use crate::steps::Waiting;

/// Which call of a client it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    First,
    Next,
}

impl Call {
    /// How long it waits: the first for a query that is over at once, others for news.
    fn patience(self) -> Duration {
        match self {
            Self::First => Duration::from_millis(200),
            Self::Next => Duration::from_secs(10),
        }
    }
}

/// How often it is looked whether there is news, and how much is some.
const LOOK: Duration = Duration::from_millis(50);
const NEWS: f64 = 0.01;

/// A query that runs, and whose client asks how far it is. Dropping it cancels the query, unless its rows were taken.
pub(crate) struct Polled {
    handle: Secret,
    descriptor: FlightDescriptor,
    schema: SchemaRef,
    query: Arc<Query>,
    stage: watch::Receiver<Stage>,
    rows: Arc<Mutex<Option<Reply>>>,
    /// What was said last.
    said: Mutex<Option<f64>>,
    task: AbortHandle,
}

#[derive(Debug, Clone)]
enum Stage {
    Runs,
    /// The first rows are there, or it is known that there are none.
    Ready,
    Failed(Status),
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Polled {
    /// What is known once that is something else than was said last, or once it takes too long.
    async fn news(&self, call: Call) -> Stage {
        let (until, mut stage) = (Instant::now() + call.patience(), self.stage.clone());
        loop {
            let now = stage.borrow_and_update().clone();
            if !matches!(now, Stage::Runs) {
                return now;
            }
            if stage.has_changed().is_err() {
                return Stage::Failed(Status::internal("internal error, a bug of ours: a query broke off"));
            }
            if Instant::now() >= until || (call == Call::Next && self.has_progressed()) {
                return now;
            }
            let _ = timeout_at(until.min(Instant::now() + LOOK), stage.changed()).await;
        }
    }

    fn has_progressed(&self) -> bool {
        match (*self.said.lock(), self.query.fraction()) {
            (Some(said), Some(now)) => now >= said + NEWS,
            (said, now) => said.is_none() && now.is_some(),
        }
    }

    /// What a client hears that asks.
    ///
    /// # Errors
    /// Those of the query.
    async fn told(&self, call: Call) -> Result<PollInfo, Status> {
        let ticket = reply::statement_ticket(&self.handle);
        match self.news(call).await {
            Stage::Failed(status) => Err(status),
            Stage::Ready => complete(reply::info(self.descriptor.clone(), ticket, &self.schema)?),
            Stage::Runs => {
                let progress = self.query.fraction();
                *self.said.lock() = progress;
                let info = FlightInfo::new().try_with_schema(&self.schema);
                let info = info.map_err(|e| from_flight(e.into()))?.with_descriptor(self.descriptor.clone());
                let mut told = PollInfo {
                    // It names the query for CancelFlightInfo before there is an endpoint to name it by.
                    info: Some(info.with_app_metadata(ticket.clone())),
                    flight_descriptor: Some(FlightDescriptor::new_cmd(ticket)),
                    progress,
                    ..PollInfo::default()
                };
                let expires = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + POLLED_TTL;
                told.expiration_time.get_or_insert_default().seconds = expires.as_secs().cast_signed();
                Ok(told)
            }
        }
    }

    /// The rows, once there are some.
    ///
    /// # Errors
    /// Those of the query, and NOT_FOUND where they were taken before.
    pub(crate) async fn rows(&self) -> Result<Reply, Status> {
        let mut stage = self.stage.clone();
        let known = stage.wait_for(|stage| !matches!(stage, Stage::Runs)).await;
        let known = known.map(|stage| stage.clone()).unwrap_or(Stage::Failed(cancelled()));
        match (known, self.rows.lock().take()) {
            (Stage::Ready, Some(rows)) => Ok(rows),
            (Stage::Failed(status), _) => Err(status),
            _ => Err(Status::not_found("the rows of this statement were fetched before: run it again")),
        }
    }
}

/// There is nothing more to ask for.
pub(crate) fn complete(info: FlightInfo) -> Result<PollInfo, Status> {
    Ok(PollInfo { info: Some(info), progress: Some(1.0), ..PollInfo::default() })
}

/// The handle in the descriptor of a further call.
pub(crate) fn asked_again(any: &Any) -> Option<prost::bytes::Bytes> {
    any.unpack::<TicketStatementQuery>().ok().flatten().map(|ticket| ticket.statement_handle)
}

impl InUse {
    /// Starts a query that was planned, for a client that asks how far it is; what has run already is complete.
    ///
    /// # Errors
    /// Those of the query, if it fails at once, and RESOURCE_EXHAUSTED where the session keeps too many.
    pub(crate) async fn poll(&self, waiting: Waiting, descriptor: FlightDescriptor) -> Result<PollInfo, Status> {
        if !waiting.is_to_run() {
            return complete(self.keep(waiting, descriptor)?.into_inner());
        }
        let handle = secret()?;
        let (stages, stage) = watch::channel(Stage::Runs);
        let rows = Arc::new(Mutex::new(None));
        let (schema, query) = (Arc::clone(waiting.schema()), Arc::clone(waiting.query()));
        let (session, kept, known) = (self.clone(), Arc::clone(&rows), Arc::clone(&query));
        let task = tokio::spawn(async move {
            match first(&session, handle, waiting).await {
                Ok(reply) => *kept.lock() = Some(reply),
                Err(status) => {
                    stages.send_replace(Stage::Failed(status));
                    return;
                }
            }
            // A session that keeps its rows must not keep itself by them.
            drop(session);
            stages.send_replace(Stage::Ready);
            known.told().await;
            stages.send_replace(Stage::Failed(cancelled()));
            drop(kept.lock().take());
        });
        let (said, task) = (Mutex::default(), task.abort_handle());
        let polled = Arc::new(Polled { handle, descriptor, schema, query, stage, rows, said, task });
        self.polled.insert_as(handle, Arc::clone(&polled))?;
        self.heard(&polled, Call::First).await
    }

    /// Says how far a query is that was started so.
    ///
    /// # Errors
    /// Those of the query, and NOT_FOUND for one that is not this session's, was fetched or expired.
    pub(crate) async fn poll_again(&self, handle: &[u8]) -> Result<PollInfo, Status> {
        let polled = self.polled.get(handle)?;
        self.heard(&polled, Call::Next).await
    }

    async fn heard(&self, polled: &Polled, call: Call) -> Result<PollInfo, Status> {
        let told = polled.told(call).await;
        if told.is_err() {
            let _ = self.polled.take(&polled.handle);
        }
        told
    }
}

/// The rows of a query, from when the first of them are there.
async fn first(session: &InUse, handle: Secret, waiting: Waiting) -> Result<Reply, Status> {
    let mut rows = session.fetch(handle, waiting).await?.into_inner();
    let mut ahead = Vec::new();
    // The schema comes at once, and what follows it says that the query has got so far.
    while ahead.len() < 2
        && let Some(message) = rows.next().await
    {
        ahead.push(Ok(message?));
    }
    Ok(Box::pin(stream::iter(ahead).chain(rows)))
}
