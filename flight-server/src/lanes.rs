//! Lanes: the threads that statements run on, apart from those that answer calls. Some operators (joins without a key above all) do
//! not give their thread away for minutes, cancelled or not, and no call and no other statement is to wait for that. Here: which lane
//! a statement has, how its rows come to the call, when the lane is another's. Not here: what a statement is (`statements`), how
//! one is told to end (`running`), and what a lane is (`lane`).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tonic::Status;

use crate::lane::Lane;
use crate::queries::Place;
use crate::reply::Reply;

/// Lanes beside those of the statements that run: for planning, for statements whose rows nobody reads, and those that still
/// compute for a statement that was cancelled.
const BESIDE: usize = 64;

/// Lanes that wait for a statement; more are ended.
const RESTING_MAX: usize = 4;

/// Messages that a statement is ahead of its call: one that is not read waits.
const AHEAD: usize = 2;

/// For how long the rows of a statement wait for its client before another may run in its place.
const STALLED: Duration = Duration::from_secs(1);

/// The lanes of a server.
pub(crate) struct Lanes {
    most: usize,
    pool: Mutex<Pool>,
}

#[derive(Default)]
struct Pool {
    /// How many statements have one now.
    lent: usize,
    /// Those that no statement has; they may not rest yet.
    returned: Vec<Lane>,
}

impl Lanes {
    /// Enough of them where `running` statements run at once.
    pub(crate) fn beside(running: usize) -> Self {
        Self { most: running.saturating_add(BESIDE), pool: Mutex::default() }
    }

    /// Does `work` on a lane. Dropping the future cancels it.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when all lanes are taken, and those of `work`.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Future<Output = Result<T, Status>> + Send + 'static,
    ) -> Result<T, Status> {
        self.start(work)?.end().await
    }

    /// The rows that `starting` gives, which come from a lane. Dropping them cancels the statement. It keeps its place among those
    /// that run for as long as it computes, and leaves it to others while its client does not read.
    ///
    /// # Errors
    /// As [`Lanes::run`].
    pub(crate) async fn rows(
        self: &Arc<Self>,
        starting: impl Future<Output = Result<Reply, Status>> + Send + 'static,
        mut place: Option<Place>,
    ) -> Result<Reply, Status> {
        let (started, has_started) = oneshot::channel();
        let (sender, receiver) = mpsc::channel(AHEAD);
        let mut task = self.start(async move {
            let mut rows = starting.await?;
            let mut is_wanted = started.send(()).is_ok();
            while is_wanted && let Some(row) = rows.next().await {
                is_wanted = sent(&sender, row, &mut place).await;
            }
            drop(place);
            Ok(())
        })?;
        if has_started.await.is_err() {
            task.end().await?;
        }
        // That no more rows come may be their end or that of a task that broke off: the task tells.
        Ok(Box::pin(stream::unfold(Some((receiver, task)), |reading| async {
            let (mut receiver, mut task) = reading?;
            match receiver.recv().await {
                Some(row) => Some((row, Some((receiver, task)))),
                None => task.end().await.err().map(|status| (Err(status), None)),
            }
        })))
    }

    /// Ends lanes that rest and are not needed.
    pub(crate) fn sweep(&self) {
        let surplus = self.pool.lock().surplus();
        drop(surplus);
    }

    fn start<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Future<Output = Result<T, Status>> + Send + 'static,
    ) -> Result<Task<T>, Status> {
        let mut lane = self.take()?;
        let running = lane.spawn(work);
        Ok(Task { lanes: Arc::clone(self), lane: Some(lane), running })
    }

    fn take(&self) -> Result<Lane, Status> {
        let resting = {
            let mut pool = self.pool.lock();
            let resting = pool.resting();
            if resting.is_none() && pool.lent + pool.returned.len() >= self.most {
                return Err(full(self.most));
            }
            pool.lent += 1;
            resting
        };
        resting.map_or_else(Lane::new, Ok).inspect_err(|_| self.pool.lock().lent -= 1)
    }

    fn give_back(&self, lane: Lane) {
        {
            let mut pool = self.pool.lock();
            pool.lent -= 1;
            pool.returned.push(lane);
        }
        self.sweep();
    }
}

impl Pool {
    /// Takes out a lane that rests, if possible one without tasks: a result that is read in parts may have some that wait.
    fn resting(&mut self) -> Option<Lane> {
        let resting = self.returned.iter().enumerate().filter(|(_, lane)| lane.rests());
        let (at, _) = resting.min_by_key(|(_, lane)| lane.tasks())?;
        Some(self.returned.swap_remove(at))
    }

    /// Takes out what is to be ended: never a lane with tasks, such as the one that an open connection to a store has.
    fn surplus(&mut self) -> Vec<Lane> {
        let mut resting = 0;
        let is_surplus = |lane: &mut Lane| {
            let is_idle = lane.rests() && lane.tasks() == 0;
            resting += usize::from(is_idle);
            is_idle && resting > RESTING_MAX
        };
        self.returned.extract_if(.., is_surplus).collect()
    }
}

/// A statement on its lane. Dropping it aborts what runs and gives the lane back.
struct Task<T> {
    lanes: Arc<Lanes>,
    /// `None` only while it is dropped.
    lane: Option<Lane>,
    running: JoinHandle<Result<T, Status>>,
}

impl<T> Task<T> {
    /// What it gives in the end.
    async fn end(&mut self) -> Result<T, Status> {
        let broke =
            |e: JoinError| Status::internal(format!("internal error, a bug of ours: a statement broke off: {e}"));
        (&mut self.running).await.map_err(broke)?
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.running.abort();
        if let Some(lane) = self.lane.take() {
            self.lanes.give_back(lane);
        }
    }
}

/// Sends a row to the call, however long that takes. Whether it is still wanted.
async fn sent<T>(sender: &mpsc::Sender<T>, row: T, place: &mut Option<Place>) -> bool {
    let free = match timeout(STALLED, sender.reserve()).await {
        Ok(free) => free,
        Err(_) => {
            if let Some(place) = place {
                place.leave();
            }
            let free = sender.reserve().await;
            if let (Some(place), true) = (place, free.is_ok()) {
                place.back().await;
            }
            free
        }
    };
    free.map(|free| free.send(row)).is_ok()
}

fn full(most: usize) -> Status {
    Status::resource_exhausted(format!(
        "the server runs {most} statements, those included that were cancelled and still compute, and starts no more before \
         one of them ends: read results to their end or cancel them, and run it again"
    ))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use arrow_flight::FlightData;
    use futures::future::join_all;
    use tonic::Code;

    use super::*;

    async fn until(is_so: impl Fn() -> bool) {
        let waits = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waits).await.unwrap();
    }

    #[tokio::test]
    async fn few_lanes_are_kept() {
        let lanes = Arc::new(Lanes::beside(64));
        let together = Arc::new(tokio::sync::Barrier::new(RESTING_MAX + 3));
        let waits = (0..RESTING_MAX + 3).map(|_| {
            let together = Arc::clone(&together);
            lanes.run(async move { Ok(together.wait().await.is_leader()) })
        });
        assert_eq!(join_all(waits).await.into_iter().filter(|is_leader| *is_leader.as_ref().unwrap()).count(), 1);
        until(|| {
            lanes.sweep();
            let pool = lanes.pool.lock();
            pool.lent == 0 && pool.returned.len() == RESTING_MAX
        })
        .await;
        // Those are used again.
        lanes.run(async { Ok(()) }).await.unwrap();
        assert_eq!(lanes.pool.lock().returned.len(), RESTING_MAX);
    }

    #[tokio::test]
    async fn a_cancelled_statement_that_computes_on_keeps_its_lane() {
        let lanes = Arc::new(Lanes { most: 2, pool: Mutex::default() });
        for is_left_to_another_task in [false, true] {
            let ((go, going), (begin, begun)) = (channel::<()>(), channel());
            let stubborn = move || {
                begin.send(()).unwrap();
                going.recv().unwrap_err();
            };
            let task = lanes.start(async move {
                match is_left_to_another_task {
                    true => tokio::spawn(async move { stubborn() }).await.unwrap(),
                    false => stubborn(),
                }
                Ok(())
            });
            begun.recv().unwrap();
            drop(task.unwrap());
            let second = lanes.start(std::future::pending::<Result<(), Status>>()).unwrap();
            let refused = lanes.run(async { Ok(()) }).await.unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
            assert!(refused.message().contains("runs 2 statements"), "{refused}");
            drop(go);
            until(|| lanes.pool.lock().returned.iter().all(Lane::rests)).await;
            lanes.run(async { Ok(()) }).await.unwrap();
            drop(second);
            // Else the next would find both lent.
            until(|| {
                let pool = lanes.pool.lock();
                pool.lent == 0 && pool.returned.iter().all(Lane::rests)
            })
            .await;
        }
    }

    #[tokio::test]
    async fn rows_that_break_off_are_no_end() {
        let lanes = Arc::new(Lanes::beside(64));
        let broken = || -> Result<FlightData, Status> { std::panic::resume_unwind(Box::new("broken")) };
        let starting = async move { Ok(Box::pin(stream::once(async move { broken() })) as Reply) };
        let rows: Vec<_> = lanes.rows(starting, None).await.unwrap().collect().await;
        assert!(matches!(&*rows, [Err(status)] if status.code() == Code::Internal), "{rows:?}");
        let refused = lanes.rows(async { Err(Status::not_found("no table")) }, None).await.err().unwrap();
        assert_eq!(refused.code(), Code::NotFound);
        let none = lanes.rows(async { Ok(Box::pin(stream::empty()) as Reply) }, None).await.unwrap();
        assert_eq!(none.count().await, 0);
    }
}
