//! The threads that run statements. After a cancelled statement they are left behind and new ones started: an operator
//! that does not yield keeps its thread until it is done, and the next statement must not wait for that.

use std::future::Future;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::error::Failure;

/// The engine's runtime, which can be exchanged. Dropping it waits for nothing.
pub(crate) struct Workers {
    runtime: Option<Runtime>,
}

impl Workers {
    pub(crate) fn start() -> Result<Self, Failure> {
        Ok(Self { runtime: Some(runtime()?) })
    }

    /// Runs a task on the workers.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Result<JoinHandle<T>, Failure> {
        let runtime = self.runtime.as_ref().ok_or_else(|| Failure::other("the worker threads are gone (a bug)"))?;
        Ok(runtime.spawn(task))
    }

    /// Leaves the threads to what they still do and starts new ones.
    pub(crate) fn renew(&mut self) -> Result<(), Failure> {
        let fresh = runtime()?;
        if let Some(old) = self.runtime.replace(fresh) {
            old.shutdown_background();
        }
        Ok(())
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn runtime() -> Result<Runtime, Failure> {
    maar_engine::runtime().map_err(|error| Failure::other(format!("cannot start threads: {error}")))
}
