//! Where statements run: in this process or on a server. What runs them and what prints their rows does not know which.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use futures::{Stream, stream};
use maar_engine::{Error, Script, Statement};

use crate::engine::{self, Engine};
use crate::params::Params;
use crate::remote::{self, Remote};

/// An open session. Clones share it.
#[derive(Clone)]
pub(crate) enum Backend {
    Local(Engine),
    Remote(Box<Remote>),
}

/// A statement that runs: its rows come as they are made; dropping it cancels.
pub(crate) enum Running {
    Local(engine::Running),
    Remote(Box<remote::Running>),
}

impl Backend {
    /// Plans and starts one statement of a script.
    pub(crate) async fn start(&self, statement: &Statement, params: &Params) -> Result<Running, Error> {
        match self {
            Self::Local(engine) => engine.start(statement, &params.to_engine()).await.map(Running::Local),
            Self::Remote(remote) => Ok(Running::Remote(Box::new(remote.start(statement, params).await?))),
        }
    }

    /// Runs SQL of our own to its end and gives all rows.
    pub(crate) async fn rows(&self, sql: &str) -> Result<Vec<RecordBatch>, Error> {
        let mut batches = Vec::new();
        for statement in Script::new(sql) {
            let mut running = self.start(&statement?, &Params::default()).await?;
            while let Some(batch) = running.next().await? {
                batches.push(batch);
            }
        }
        Ok(batches)
    }

    /// Whether a cancelled statement may go on with the threads it has.
    pub(crate) fn keeps_threads(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    /// What it is, in words that end a sentence.
    pub(crate) fn description(&self) -> String {
        match self {
            Self::Local(engine) => format!("in this process, device {}", engine.device()),
            Self::Remote(remote) => remote.description(),
        }
    }

    /// The host where statements run, if it is not this process.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Local(_) => None,
            Self::Remote(remote) => Some(remote.host()),
        }
    }

    /// Ends the session.
    pub(crate) async fn close(&self) {
        if let Self::Remote(remote) = self {
            remote.close().await;
        }
    }
}

impl Running {
    pub(crate) fn schema(&self) -> SchemaRef {
        match self {
            Self::Local(running) => running.schema(),
            Self::Remote(running) => running.schema(),
        }
    }

    /// The plan that runs, where it is to be seen.
    pub(crate) fn plan(&self) -> Option<Arc<dyn ExecutionPlan>> {
        match self {
            Self::Local(running) => running.plan(),
            Self::Remote(_) => None,
        }
    }

    /// The next rows; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, Error> {
        match self {
            Self::Local(running) => running.next().await,
            Self::Remote(running) => running.next().await,
        }
    }

    /// All rows, as they come; an error is the last of them.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<RecordBatch, Error>> + Send + 'static {
        stream::unfold(Some(self), |running| async {
            let mut running = running?;
            match running.next().await.transpose()? {
                Ok(batch) => Some((Ok(batch), Some(running))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}
