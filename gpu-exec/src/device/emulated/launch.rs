//! One launch: blocks handed out in order (or shuffled, under a seed) to a few worker threads.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use super::super::{DeviceError, DeviceResult, Launch, SyncMode};
use super::random::Random;
use super::signals::AlternateStack;
use super::worker::{Worker, run_block};

/// A kernel's entry point, as `MAAR_KERNEL` of the shim defines it.
pub(super) type Entry = unsafe extern "C" fn(*const c_void);

/// What all workers of a launch share.
pub(super) struct Job {
    pub(super) entry: Entry,
    pub(super) params: Vec<u64>,
    pub(super) sync: SyncMode,
    pub(super) launch: Launch,
    /// Set once a block has failed; the others stop.
    pub(super) failed: AtomicBool,
}

/// Workers at rest: their stacks are costly to map.
#[derive(Default)]
pub(super) struct WorkerPool {
    idle: Mutex<Vec<Worker>>,
}

impl WorkerPool {
    fn take(&self) -> DeviceResult<Worker> {
        if let Some(worker) = self.idle.lock().pop() {
            return Ok(worker);
        }
        Worker::new().map_err(|e| {
            DeviceError::unavailable(
                format!("stacks of the emulated device's threads cannot be mapped: {e}"),
                "Raise the limit on virtual memory (ulimit -v)",
            )
        })
    }

    /// Runs the job's blocks on up to `workers` threads. `seed` shuffles, on one thread.
    ///
    /// # Safety
    /// Entry and parameters of the job fit together, and addresses in them are of live device memory.
    pub(super) unsafe fn run(&self, job: &Job, kernel: &str, workers: usize, seed: Option<u64>) -> DeviceResult<()> {
        let blocks = job.launch.blocks as usize;
        let random = seed.map(Random::new);
        let order = random.clone().map(|mut random| {
            let mut order: Vec<u32> = (0..job.launch.blocks).collect();
            random.shuffle(&mut order);
            order
        });
        let workers = if random.is_some() { 1 } else { workers.clamp(1, blocks) };
        let next = AtomicUsize::new(0);
        let fault: Mutex<Option<DeviceError>> = Mutex::new(None);
        let work = || {
            let note = |error| {
                job.failed.store(true, Ordering::Relaxed);
                fault.lock().get_or_insert(error);
            };
            let (_stack, mut worker) = match AlternateStack::install().and_then(|stack| Ok((stack, self.take()?))) {
                Ok(ready) => ready,
                Err(error) => return note(error),
            };
            worker.begin(job, random.clone());
            while !job.failed.load(Ordering::Relaxed) {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                if turn >= blocks {
                    break;
                }
                let bid = order.as_ref().and_then(|order| order.get(turn).copied()).unwrap_or(turn as u32);
                // SAFETY: the worker has begun this job; the rest is this function's own promise.
                if let Err(message) = unsafe { run_block(&raw mut worker, job, bid) } {
                    note(DeviceError::fault(format!("kernel `{kernel}`, block {bid}"), message));
                }
            }
            self.idle.lock().push(worker);
        };
        thread::scope(|scope| {
            for _ in 1..workers {
                scope.spawn(work);
            }
            work();
        });
        fault.into_inner().map_or(Ok(()), Err)
    }
}
