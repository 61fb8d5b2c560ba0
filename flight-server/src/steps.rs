//! The steps of a statement in its session: planned on a lane, given a place to run, run, and kept until its client comes for the rows.
//! Each is known as a query on the way (`queries`). Not here: which call asks for which step (`service`), and what is done at once
//! and what waits (`statements`).

use std::future::Future;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow_flight::FlightDescriptor;
use maar_engine::{Query, QueryKind};
use tonic::{Response, Status};

use crate::prepared::Prepared;
use crate::queries::{Place, Query as Known, State, Watched};
use crate::reply;
use crate::running::Run;
use crate::secrets::Secret;
use crate::service::{InfoResult, RowsResult};
use crate::session::InUse;
use crate::statements::{self, After, Statement};

/// A statement that waits to be fetched, and its query.
pub(crate) struct Waiting {
    statement: Statement,
    watched: Arc<Watched>,
}

impl Waiting {
    pub(crate) fn is_to_run(&self) -> bool {
        self.statement.is_to_run()
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        self.statement.schema()
    }

    pub(crate) fn query(&self) -> &Arc<Known> {
        self.watched.query()
    }
}

impl InUse {
    /// Does what may be long, planning and running, on the threads that statements have.
    pub(crate) async fn on_lane<T, F>(&self, work: impl FnOnce(InUse) -> F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Status>> + Send + 'static,
    {
        self.common.lanes.run(work(self.clone())).await
    }

    /// Makes what `plan` gives ready to be fetched: a query waits for that, all else is done when this returns.
    pub(crate) async fn ready<F>(&self, sql: &str, plan: impl FnOnce(InUse) -> F) -> Result<Waiting, Status>
    where
        F: Future<Output = Result<Vec<Query>, Status>> + Send + 'static,
    {
        self.ready_as(Arc::new(self.begin(sql)?), plan).await
    }

    /// The same of a statement that is known already.
    pub(crate) async fn ready_as<F>(
        &self,
        watched: Arc<Watched>,
        plan: impl FnOnce(InUse) -> F,
    ) -> Result<Waiting, Status>
    where
        F: Future<Output = Result<Vec<Query>, Status>> + Send + 'static,
    {
        let running = Arc::clone(&watched);
        let work = async {
            let mut runs = self.on_lane(plan).await?;
            if runs.len() == 1
                && let Some(query) = runs.pop_if(|query| query.kind() == QueryKind::Rows)
            {
                let statement = self.on_lane(|_| async { Statement::planned(query) }).await?;
                watched.query().is_now(State::Planned);
                return Ok(statement);
            }
            let place = self.place(&watched, &runs).await?;
            let run = |session: InUse| async move {
                let _place = place;
                Statement::at_once(&session, runs, &running).await
            };
            let statement = self.on_lane(run).await?;
            watched.query().is_now(State::Planned);
            Ok(statement)
        };
        let statement = watched.unless_told(work).await?;
        Ok(Waiting { statement, watched })
    }

    /// Runs what `plan` gives, which gives no rows, and gives the number of rows that were changed.
    pub(crate) async fn update<F>(&self, sql: &str, plan: impl FnOnce(InUse) -> F) -> Result<i64, Status>
    where
        F: Future<Output = Result<Vec<Query>, Status>> + Send + 'static,
    {
        let watched = self.begin(sql)?;
        let work = async {
            let runs = self.on_lane(plan).await?;
            statements::check_updates(&runs)?;
            let place = self.place(&watched, &runs).await?;
            let run = |session: InUse| async move {
                let _place = place;
                let after = After::of(&session, &runs);
                let changed = statements::all(runs).await?;
                after.done(&session);
                Ok(changed)
            };
            self.on_lane(run).await
        };
        let changed = watched.unless_told(work).await?;
        watched.query().count_rows(changed.unsigned_abs());
        watched.finish();
        Ok(changed)
    }

    /// A prepared statement with the values that are bound, ready to be fetched.
    pub(crate) async fn bound(&self, prepared: Arc<Prepared>) -> Result<Waiting, Status> {
        let sql = prepared.sql().to_owned();
        self.ready(&sql, |session| async move { prepared.bound(&session).await }).await
    }

    /// A place to run, for what wants one.
    async fn place(&self, watched: &Watched, runs: &[Query]) -> Result<Option<Place>, Status> {
        let place = match runs.iter().any(|query| statements::wants_place(query.logical_plan())) {
            true => Some(self.enter(watched.query()).await?),
            false => None,
        };
        watched.query().is_now(State::Running);
        Ok(place)
    }

    /// Runs a statement, which can be cancelled by its handle.
    pub(crate) async fn fetch(&self, handle: Secret, waiting: Waiting) -> RowsResult {
        let run = Run::new(self.clone(), handle, waiting.watched);
        run.rows(waiting.statement).await.map(Response::new)
    }

    /// Keeps a statement until it is fetched.
    pub(crate) fn keep(&self, waiting: Waiting, descriptor: FlightDescriptor) -> InfoResult {
        let schema = Arc::clone(waiting.statement.schema());
        let handle = self.statements.insert(waiting)?;
        reply::info(descriptor, reply::statement_ticket(&handle), &schema).map(Response::new)
    }
}
