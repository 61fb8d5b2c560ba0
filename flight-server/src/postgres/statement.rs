//! A statement of this protocol, run as one of any other client: known as a query, planned on a lane, given a place, read as its client
//! takes the rows. It ends when it is cancelled, when its time is over, and when the client goes.

use std::future::Future;
use std::io;
use std::sync::{Arc, OnceLock};

use maar_engine::Parameters;
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::fault::{Fault, Place, coded};
use super::keys::{Current, Now};
use super::link::{Ended, Link};
use super::outline::Outline;
use super::rewrite;
use super::rows::Rows;
use crate::queries::Query;
use crate::secrets::secret;
use crate::session::InUse;
use crate::statements;
use crate::status::from_engine;

/// Until when a statement may go on.
pub(super) type Deadline = Option<Instant>;

/// Why an answer ends early.
pub(super) enum Stop {
    /// The client has gone.
    Gone,
    /// It hears of it.
    Fault(Fault),
    /// The same, of what is to be put into this protocol's terms yet.
    Status(Status),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<Ended> for Stop {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Gone => Self::Gone,
            Ended::Broken(fault) => Self::Fault(fault),
        }
    }
}

impl Stop {
    /// The same in this protocol's terms.
    pub(super) fn at(self, place: &Place) -> Self {
        match self {
            Self::Status(status) => Self::Fault(Fault::of(&status, place)),
            other => other,
        }
    }
}

/// What `work` gives, unless the client goes or the time is over before.
///
/// # Errors
/// [`Stop`].
pub(super) async fn heeding<T>(
    link: &mut Link,
    deadline: Deadline,
    work: impl Future<Output = Result<T, Status>>,
) -> Result<T, Stop> {
    tokio::select! {
        biased;
        done = work => done.map_err(Stop::Status),
        () = link.gone() => Err(Stop::Gone),
        () = until(deadline) => Err(late().into()),
    }
}

/// The time of a statement is over.
pub(super) fn late() -> Fault {
    Fault::error("57014", "the query was cancelled: it took longer than statement_timeout")
}

/// Ready at the deadline.
pub(super) async fn until(deadline: Deadline) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What is to be run.
pub(super) struct Wanted {
    pub(super) sql: Arc<str>,
    pub(super) parameters: Parameters,
    pub(super) deadline: Deadline,
    /// Whether nothing may be changed.
    pub(super) is_read_only: bool,
}

/// A statement that runs, or has run where it is no query.
pub(super) struct Begun {
    pub(super) outline: Outline,
    pub(super) rows: Rows,
    /// What a cancel request ends,
    pub(super) query: Arc<Query>,
    /// as long as this is held.
    pub(super) now: Now,
}

/// Runs a statement: a query up to where its rows can be read, all else to its end.
///
/// # Errors
/// [`Stop`].
pub(super) async fn begin(session: &InUse, link: &mut Link, current: &Current, wanted: Wanted) -> Result<Begun, Stop> {
    let Wanted { sql, parameters, deadline, is_read_only } = wanted;
    let watched = Arc::new(session.begin(&sql)?);
    let query = Arc::clone(watched.query());
    let now = current.set(&query);
    let outline = Arc::new(OnceLock::new());
    let plan = {
        let (sql, outline) = (Arc::clone(&sql), Arc::clone(&outline));
        |session: InUse| async move {
            let query = plan(&session, &sql).await?;
            let told = Outline::of(&query, &sql);
            if is_read_only && let Some(change) = told.refusal(query.logical_plan()) {
                let message = format!("the transaction is read-only: {change}");
                return Err(coded(Status::failed_precondition(message), "25006"));
            }
            let query = query.with_parameters(&parameters).map_err(|e| from_engine(&e))?;
            let _ = outline.set(told);
            Ok(vec![query])
        }
    };
    let waiting = heeding(link, deadline, Box::pin(session.ready_as(watched, plan))).await?;
    let schema = Arc::clone(waiting.schema());
    let handle = secret()?;
    let reply = heeding(link, deadline, Box::pin(session.fetch(handle, waiting))).await?.into_inner();
    let lost = || Status::internal("internal error, a bug of ours: a statement ran that was not planned");
    let outline = outline.get().cloned().ok_or_else(lost)?;
    Ok(Begun { outline, rows: Rows::new(schema, reply, Arc::clone(&query)), query, now })
}

/// Plans a statement, as it is or, one that asks of PostgreSQL's own tables, in words that the engine knows.
///
/// # Errors
/// Those of planning.
pub(super) async fn plan(session: &InUse, sql: &str) -> Result<maar_engine::Query, Status> {
    match rewrite::rewritten(sql) {
        // What stands where is another matter in the words that the client did not write.
        Some(rewritten) => statements::plan(session, &rewritten).await.map_err(|status| {
            let fault = Fault::of(&status, &Place::default());
            match fault.hint {
                Some(hint) => coded(Status::new(status.code(), format!("{}. Hint: {hint}", fault.message)), fault.code),
                None => coded(Status::new(status.code(), fault.message), fault.code),
            }
        }),
        None => statements::plan(session, sql).await,
    }
}
