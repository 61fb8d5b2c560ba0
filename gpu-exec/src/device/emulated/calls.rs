//! The scheduler as device source calls it: barriers, warp operations, spinning; and the checks at each.
//!
//! These run on fibers. None may panic: a fault is noted and the fiber abandoned.

use std::ffi::c_void;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::SyncMode;
use super::lane::{Calls, Lane, Site, WarpExchange};
use super::worker::{Status, Worker, abandon, index_of, leave};

/// How long the threads of a block may do nothing but spin.
const SPIN_MAX: Duration = Duration::from_secs(20);
const WARP: usize = super::super::WARP_THREADS as usize;

pub(super) static CALLS: Calls = Calls { block_sync, warp_op, spin, yield_point, misaligned };

/// Notes a fault and ends the block.
unsafe fn fail(worker: *mut Worker, message: String) -> ! {
    // SAFETY: called on a fiber of this worker; the message has moved into it before the stack is abandoned.
    unsafe {
        (*worker).fault = Some(message);
        abandon(worker)
    }
}

unsafe extern "C" fn block_sync(lane: *mut Lane, site: Site) {
    // SAFETY: device source passes its own lane, whose worker runs it; references end before each switch.
    unsafe {
        let worker = (*lane).worker.cast::<Worker>();
        let index = index_of(worker, lane);
        match (*worker).arrive_at_barrier(index, site) {
            Ok(true) => {}
            Ok(false) => leave(worker, index),
            Err(message) => fail(worker, message),
        }
    }
}

unsafe extern "C" fn warp_op(lane: *mut Lane, lo: u64, hi: u64, predicate: u32, site: Site) -> *const WarpExchange {
    // SAFETY: as in `block_sync`. The exchange returned stays as it is until all lanes have left the next one.
    unsafe {
        let worker = (*lane).worker.cast::<Worker>();
        let index = index_of(worker, lane);
        match (*worker).arrive_at_warp_op(index, [lo, hi], predicate != 0, site) {
            Ok((exchange, complete)) => {
                if !complete {
                    leave(worker, index);
                }
                exchange
            }
            Err(message) => fail(worker, message),
        }
    }
}

unsafe extern "C" fn spin(lane: *mut Lane, site: Site) {
    // SAFETY: as in `block_sync`.
    unsafe {
        let worker = (*lane).worker.cast::<Worker>();
        if (*(*worker).job).failed.load(Ordering::Relaxed) {
            fail(worker, "another block failed".to_owned());
        }
        let since = *(*worker).spinning_since.get_or_insert_with(Instant::now);
        if since.elapsed() > SPIN_MAX {
            fail(worker, format!("spun for {} s at {site} without progress of the block", SPIN_MAX.as_secs()));
        }
        if (*worker).others_can_run() {
            yield_point(lane);
        } else {
            std::thread::yield_now();
        }
    }
}

unsafe extern "C" fn yield_point(lane: *mut Lane) {
    // SAFETY: as in `block_sync`.
    unsafe {
        let worker = (*lane).worker.cast::<Worker>();
        let index = index_of(worker, lane);
        (*worker).ready.push_back(index);
        leave(worker, index);
    }
}

unsafe extern "C" fn misaligned(lane: *mut Lane, address: *const c_void, alignment: u32, site: Site) {
    // SAFETY: as in `block_sync`.
    unsafe {
        let worker = (*lane).worker.cast::<Worker>();
        let tid = (*lane).tid;
        fail(
            worker,
            format!("thread {tid} accesses {address:p}, which is not aligned to {alignment} bytes, at {site}"),
        );
    }
}

/// The lane's thread has returned from the kernel.
pub(super) unsafe fn ended(lane: *mut Lane) {
    // SAFETY: as in `block_sync`.
    unsafe {
        let worker = (*lane).worker.cast::<Worker>();
        let index = index_of(worker, lane);
        if let Err(message) = (*worker).note_end(index) {
            fail(worker, message);
        }
    }
}

impl Worker {
    fn sync(&self) -> SyncMode {
        // SAFETY: the job outlives the group whose fiber calls this.
        unsafe { (*self.job).sync }
    }

    fn others_can_run(&self) -> bool {
        !self.ready.is_empty()
    }

    fn wait(&mut self, index: usize, status: Status, site: Site) {
        if let Some(lane) = self.lanes.get_mut(index) {
            (lane.status, lane.site) = (status, site);
        }
    }

    /// Readies the lanes of `range` that have `status`.
    fn wake(&mut self, range: std::ops::Range<usize>, status: Status) {
        let first = range.start;
        for (offset, lane) in self.lanes.iter_mut().take(range.end).skip(first).enumerate() {
            if lane.status == status {
                lane.status = Status::Ready;
                self.ready.push_back(first + offset);
            }
        }
        self.spinning_since = None;
    }

    /// Whether the barrier is complete with this lane.
    fn arrive_at_barrier(&mut self, index: usize, site: Site) -> Result<bool, String> {
        let tid = self.tid(index);
        let declared = self.sync();
        if declared != SyncMode::Block {
            return Err(format!("declared SyncMode::{declared:?}, but has a block barrier at {site}"));
        }
        if self.ended > 0 {
            return Err(format!(
                "thread {tid} waits at the block barrier at {site}, but {} threads of the block have ended",
                self.ended
            ));
        }
        if self.at_barrier == 0 {
            self.barrier_first = (index, site);
        }
        let (first, first_site) = self.barrier_first;
        if !first_site.same_as(&site) {
            let first = self.tid(first);
            return Err(format!(
                "divergent block barriers: thread {first} is at {first_site}, thread {tid} is at {site}"
            ));
        }
        self.at_barrier += 1;
        if self.at_barrier == self.group {
            self.at_barrier = 0;
            self.wake(0..self.group, Status::AtBlockBarrier);
            return Ok(true);
        }
        self.wait(index, Status::AtBlockBarrier, site);
        Ok(false)
    }

    /// The exchange this lane gave its value to, and whether all lanes have.
    fn arrive_at_warp_op(
        &mut self,
        index: usize,
        value: [u64; 2],
        predicate: bool,
        site: Site,
    ) -> Result<(*const WarpExchange, bool), String> {
        let tid = self.tid(index);
        if self.sync() == SyncMode::None {
            return Err(format!("declared SyncMode::None, but has a warp operation at {site}"));
        }
        let first_tid = self.first_tid;
        let Some(warp) = self.warps.get_mut(index / WARP) else { return Err("no such warp".to_owned()) };
        if warp.ended > 0 {
            return Err(format!(
                "thread {tid} waits at the warp operation at {site}, but {} lanes of its warp have ended",
                warp.ended
            ));
        }
        let exchange = &mut warp.exchange[warp.turn];
        if warp.arrived == 0 {
            warp.first = (index, site);
            exchange.ballot = 0;
        }
        let (first, first_site) = warp.first;
        if !first_site.same_as(&site) {
            let first = first_tid + first as u32;
            return Err(format!(
                "divergent warp operations: thread {first} is at {first_site}, thread {tid} is at {site}"
            ));
        }
        exchange.slot[index % WARP] = value;
        exchange.ballot |= u32::from(predicate) << (index % WARP);
        let given: *const WarpExchange = exchange;
        warp.arrived += 1;
        if warp.arrived == WARP {
            (warp.arrived, warp.turn) = (0, 1 - warp.turn);
            let start = index / WARP * WARP;
            self.wake(start..start + WARP, Status::AtWarpOperation);
            return Ok((given, true));
        }
        self.wait(index, Status::AtWarpOperation, site);
        Ok((given, false))
    }

    fn note_end(&mut self, index: usize) -> Result<(), String> {
        let tid = self.tid(index);
        self.wait(index, Status::Ended, Site::NOWHERE);
        self.ended += 1;
        self.spinning_since = None;
        if self.at_barrier > 0 {
            let (first, site) = self.barrier_first;
            let first = self.tid(first);
            return Err(format!("thread {tid} has ended, but thread {first} waits at the block barrier at {site}"));
        }
        let first_tid = self.first_tid;
        let Some(warp) = self.warps.get_mut(index / WARP) else { return Ok(()) };
        warp.ended += 1;
        if warp.arrived > 0 {
            let (first, site) = warp.first;
            let first = first_tid + first as u32;
            return Err(format!("thread {tid} has ended, but thread {first} waits at the warp operation at {site}"));
        }
        Ok(())
    }
}
