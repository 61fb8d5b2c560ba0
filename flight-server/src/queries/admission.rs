//! Who may run: so many statements at once for the server, a user and a session; the others wait in a line, of bounded length and for
//! a bounded time. Not here: the threads that statements run on (`lanes`), of which there are more.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tonic::Status;

use crate::limits::Limits;

/// The lines of a server.
pub(crate) struct Admission {
    limits: Limits,
    all: Arc<Semaphore>,
    by_user: Mutex<HashMap<String, Arc<Semaphore>>>,
    waiting: AtomicUsize,
    refused: AtomicU64,
}

/// A place among those that run. Dropping it gives it back.
pub(crate) struct Place {
    /// Of the session, the user and the server, in this order.
    lines: Vec<Arc<Semaphore>>,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Place {
    /// Lets another run, until [`Self::back`].
    pub(crate) fn leave(&mut self) {
        self.permits.clear();
    }

    /// Waits for a place again, behind those that wait.
    pub(crate) async fn back(&mut self) {
        if self.permits.is_empty() {
            self.permits = acquired(&self.lines).await;
        }
    }
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            all: semaphore(limits.running),
            by_user: Mutex::default(),
            waiting: AtomicUsize::default(),
            refused: AtomicU64::default(),
        }
    }

    /// The line of a session.
    pub(crate) fn of_session(limits: &Limits) -> Arc<Semaphore> {
        semaphore(limits.running_per_session)
    }

    /// A place to run, once there is one.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when too many wait, and when there is none for too long.
    pub(crate) async fn enter(&self, session: &Arc<Semaphore>, user: Option<&str>) -> Result<Place, Status> {
        let mut lines = vec![Arc::clone(session)];
        lines.extend(user.map(|user| self.of_user(user)));
        lines.push(Arc::clone(&self.all));
        if let Some(permits) = at_once(&lines) {
            return Ok(Place { lines, permits });
        }
        let _waits = self.wait()?;
        match timeout(self.limits.queue_wait, acquired(&lines)).await {
            Ok(permits) => Ok(Place { lines, permits }),
            Err(_) => Err(self.refuse(&format!(
                "the statement waited {} to run, and is given up: {}",
                written(self.limits.queue_wait),
                self.rules()
            ))),
        }
    }

    /// How many were refused since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Forgets users of whom nothing runs and nothing waits.
    pub(crate) fn sweep(&self) {
        self.by_user.lock().retain(|_, line| Arc::strong_count(line) > 1);
    }

    fn of_user(&self, user: &str) -> Arc<Semaphore> {
        let mut users = self.by_user.lock();
        Arc::clone(users.entry(user.to_owned()).or_insert_with(|| semaphore(self.limits.running_per_user)))
    }

    fn wait(&self) -> Result<Waits<'_>, Status> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waits = Waits(&self.waiting);
        match before < self.limits.queued {
            true => Ok(waits),
            false => Err(self.refuse(&format!("{before} statements wait to run, and no more may: {}", self.rules()))),
        }
    }

    fn rules(&self) -> String {
        let Limits { running, running_per_user, running_per_session, .. } = self.limits;
        format!(
            "the server runs {running} at once, {running_per_user} of a user and {running_per_session} of a session. Run it again \
             later, read results to their end, or have the server started with other limits (--max-running, --max-queued, \
             --queue-timeout)"
        )
    }

    fn refuse(&self, message: &str) -> Status {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Status::resource_exhausted(message)
    }
}

fn written(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds => format!("{seconds} s"),
    }
}

/// One that waits, in the count.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn semaphore(places: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)))
}

fn at_once(lines: &[Arc<Semaphore>]) -> Option<Vec<OwnedSemaphorePermit>> {
    lines.iter().map(|line| Arc::clone(line).try_acquire_owned().ok()).collect()
}

async fn acquired(lines: &[Arc<Semaphore>]) -> Vec<OwnedSemaphorePermit> {
    let mut permits = Vec::with_capacity(lines.len());
    for line in lines {
        // No line is ever closed.
        permits.extend(Arc::clone(line).acquire_owned().await.ok());
    }
    permits
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tonic::Code;

    use super::*;

    fn admission(limits: Limits) -> Arc<Admission> {
        Arc::new(Admission::new(&limits))
    }

    #[tokio::test]
    async fn the_line_has_an_end_and_a_time() {
        let limits = Limits { running: 1, queued: 1, queue_wait: Duration::from_millis(50), ..Limits::default() };
        let admission = admission(limits);
        let session = Admission::of_session(&limits);
        let first = admission.enter(&session, None).await.unwrap();
        let (late, later) = tokio::join!(admission.enter(&session, None), admission.enter(&session, None));
        let (late, later) = (late.err().unwrap(), later.err().unwrap());
        assert!(late.code() == Code::ResourceExhausted && late.message().contains("waited 50 ms"), "{late}");
        assert!(later.code() == Code::ResourceExhausted && later.message().contains("--max-queued"), "{later}");
        assert_eq!((admission.waiting.load(Ordering::Relaxed), admission.refused()), (0, 2));
        drop(first);
        admission.enter(&session, None).await.unwrap();
    }

    #[tokio::test]
    async fn a_user_and_a_session_have_places_of_their_own() {
        let limits = Limits { running: 3, running_per_user: 1, running_per_session: 2, queued: 0, ..Limits::default() };
        let admission = admission(limits);
        let (one, two) = (Admission::of_session(&limits), Admission::of_session(&limits));
        let ada = admission.enter(&one, Some("ada")).await.unwrap();
        assert!(admission.enter(&two, Some("ada")).await.is_err(), "in another session of hers");
        let bob = admission.enter(&one, Some("bob")).await.unwrap();
        assert!(admission.enter(&one, Some("eve")).await.is_err(), "two of a session");
        let eve = admission.enter(&two, Some("eve")).await.unwrap();
        drop((ada, bob, eve));
        admission.sweep();
        assert!(admission.by_user.lock().is_empty());
        assert_eq!(admission.all.available_permits(), 3);
    }

    #[tokio::test]
    async fn who_leaves_comes_back_behind_the_others() {
        let limits = Limits { running: 1, ..Limits::default() };
        let (admission, session) = (admission(limits), Admission::of_session(&limits));
        let mut slow = admission.enter(&session, None).await.unwrap();
        slow.leave();
        let other = admission.enter(&session, None).await.unwrap();
        assert!(timeout(Duration::from_millis(20), slow.back()).await.is_err());
        drop(other);
        slow.back().await;
        assert_eq!(admission.all.available_permits(), 0);
    }
}
