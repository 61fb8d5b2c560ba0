//! One lane: threads that one statement at a time runs on, and whether they rest. Which statement has it is `lanes`' to say.

use std::future::Future;

use tokio::runtime::{Handle, Runtime};
use tokio::task::{AbortHandle, JoinHandle};
use tonic::Status;

/// Threads for one statement. Dropping it waits for nothing.
pub(crate) struct Lane {
    threads: Handle,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    last: Option<AbortHandle>,
}

impl Lane {
    /// # Errors
    /// RESOURCE_EXHAUSTED when the operating system refuses threads.
    pub(crate) fn new() -> Result<Self, Status> {
        let refused = |e| Status::resource_exhausted(format!("the server can start no more threads: {e}"));
        let runtime = maar_engine::runtime().map_err(refused)?;
        Ok(Self { threads: runtime.handle().clone(), runtime: Some(runtime), last: None })
    }

    /// Runs a statement.
    pub(crate) fn spawn<T: Send + 'static>(&mut self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        let running = self.threads.spawn(work);
        self.last = Some(running.abort_handle());
        running
    }

    /// Whether its last statement has ended and all threads sleep: also those of tasks that a statement started and left behind.
    pub(crate) fn rests(&self) -> bool {
        let threads = self.threads.metrics();
        // Threads count their falling asleep and their waking: an odd number is a sleeper.
        let sleep = || (0..threads.num_workers()).all(|thread| threads.worker_park_unpark_count(thread) % 2 == 1);
        self.last.as_ref().is_none_or(AbortHandle::is_finished) && threads.global_queue_depth() == 0 && sleep()
    }

    /// Tasks that have not ended, those that wait included.
    pub(crate) fn tasks(&self) -> usize {
        self.threads.metrics().num_alive_tasks()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
