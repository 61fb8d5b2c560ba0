//! One OS thread's blocks: fibers for their threads, and who runs next.
//!
//! A group is the set of threads that run interleaved: the block, or one warp of it, or (with no synchronisation) a
//! single fiber that runs the block's threads one after another. Lanes are switched to in arrival order, or under a
//! seed at random. The calls device source makes into the scheduler are in [`super::calls`].
//!
//! Fibers and scheduler reach the worker through one raw pointer and never hold a reference across a switch.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ffi::c_void;
use std::io;
use std::ptr;
use std::time::Instant;

use super::super::SyncMode;
use super::calls::CALLS;
use super::fiber::{Stacks, switch};
use super::lane::{Lane, Site, WarpExchange};
use super::launch::Job;
use super::random::Random;
use super::shared_memory::SharedMemory;

/// Threads of the largest block.
const LANES_MAX: usize = super::super::BLOCK_THREADS as usize;
const WARP: usize = super::super::WARP_THREADS as usize;

/// What a lane is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    /// In the ready queue, or running.
    Ready,
    AtWarpOperation,
    AtBlockBarrier,
    Ended,
}

#[derive(Clone, Copy)]
pub(super) struct LaneState {
    pub(super) sp: *mut u8,
    pub(super) status: Status,
    /// Where it waits.
    pub(super) site: Site,
}

/// One warp's operation in progress. Two exchanges take turns: a lane may still read the last one's values while others
/// already give theirs to the next.
#[derive(Clone, Copy)]
pub(super) struct WarpState {
    pub(super) exchange: [WarpExchange; 2],
    pub(super) turn: usize,
    pub(super) arrived: usize,
    pub(super) ended: usize,
    /// Lane and place that arrived first.
    pub(super) first: (usize, Site),
}

pub(super) struct Worker {
    stacks: Stacks,
    pub(super) shared: SharedMemory,
    pub(super) lanes: Vec<LaneState>,
    pub(super) warps: Vec<WarpState>,
    pub(super) ready: VecDeque<usize>,
    pub(super) random: Option<Random>,
    pub(super) job: *const Job,
    /// Lanes of the group; the tid of its first.
    pub(super) group: usize,
    pub(super) first_tid: u32,
    pub(super) ended: usize,
    pub(super) at_barrier: usize,
    pub(super) barrier_first: (usize, Site),
    /// When the lanes began to do nothing but spin.
    pub(super) spinning_since: Option<Instant>,
    /// The thread order of a group without synchronisation.
    order: Vec<u32>,
    scheduler_sp: *mut u8,
    pub(super) fault: Option<String>,
    /// Set by the signal handler: signal number and address.
    pub(super) signal: Option<(i32, usize)>,
}

// SAFETY: a worker is used by one thread at a time; its pointers are into itself or into the launch that runs it.
unsafe impl Send for Worker {}

thread_local! {
    /// The worker whose fiber runs on this thread, for the signal handler; null outside of fibers.
    pub(super) static RUNNING: Cell<*mut Worker> = const { Cell::new(ptr::null_mut()) };
}

impl Worker {
    pub(super) fn new() -> io::Result<Self> {
        let lane = LaneState { sp: ptr::null_mut(), status: Status::Ended, site: Site::NOWHERE };
        let warp = WarpState {
            exchange: [WarpExchange::default(); 2],
            turn: 0,
            arrived: 0,
            ended: 0,
            first: (0, Site::NOWHERE),
        };
        Ok(Self {
            stacks: Stacks::map(LANES_MAX)?,
            shared: SharedMemory::default(),
            lanes: vec![lane; LANES_MAX],
            warps: vec![warp; LANES_MAX / WARP],
            ready: VecDeque::with_capacity(LANES_MAX),
            random: None,
            job: ptr::null(),
            group: 0,
            first_tid: 0,
            ended: 0,
            at_barrier: 0,
            barrier_first: (0, Site::NOWHERE),
            spinning_since: None,
            order: Vec::with_capacity(LANES_MAX),
            scheduler_sp: ptr::null_mut(),
            fault: None,
            signal: None,
        })
    }

    /// Readies the worker for a launch.
    pub(super) fn begin(&mut self, job: &Job, random: Option<Random>) {
        self.job = ptr::from_ref(job);
        self.random = random;
        self.fault = None;
        self.signal = None;
        self.shared.resize(job.launch.shared_bytes as usize);
    }

    /// Makes the lanes of a group ready to start.
    fn form_group(&mut self, job: &Job, bid: u32, first_tid: u32, group: usize) {
        self.group = group;
        self.first_tid = first_tid;
        self.ended = 0;
        self.at_barrier = 0;
        self.spinning_since = None;
        self.ready.clear();
        self.ready.extend(0..group);
        for warp in self.warps.iter_mut().take(group.div_ceil(WARP)) {
            (warp.turn, warp.arrived, warp.ended) = (0, 0, 0);
        }
        let smem = self.shared.start();
        let worker: *mut c_void = ptr::from_mut(self).cast();
        let fuzz = u32::from(self.random.is_some() && job.sync != SyncMode::None);
        for index in 0..group {
            let lane = Lane {
                tid: first_tid + index as u32,
                bid,
                bdim: job.launch.threads,
                gdim: job.launch.blocks,
                smem,
                calls: &raw const CALLS,
                worker,
                fuzz,
            };
            // SAFETY: the slot's last fiber has ended or was abandoned, so its lane and stack are free.
            let sp = unsafe {
                self.stacks.lane(index).write(lane);
                self.stacks.prepare(index, lane_main)
            };
            if let Some(state) = self.lanes.get_mut(index) {
                *state = LaneState { sp, status: Status::Ready, site: Site::NOWHERE };
            }
        }
    }

    fn thread_order(&mut self, threads: u32) {
        self.order.clear();
        self.order.extend(0..threads);
        if let Some(random) = &mut self.random {
            random.shuffle(&mut self.order);
        }
    }

    fn thread_of_turn(&self, turn: usize) -> u32 {
        self.order.get(turn).copied().unwrap_or(0)
    }

    /// Where the stack pointer of a lane of the group is kept while it does not run.
    fn sp_place(&mut self, index: usize) -> *mut *mut u8 {
        &raw mut self.lanes[index].sp
    }

    /// The lane to run next: the one that waits longest, or any under a seed.
    fn pick(&mut self) -> Option<usize> {
        match &mut self.random {
            Some(random) if self.ready.len() > 1 => {
                let index = random.below(self.ready.len());
                self.ready.swap_remove_front(index)
            }
            _ => self.ready.pop_front(),
        }
    }

    /// Nobody can run: says who waits for what.
    fn deadlock(&self) -> String {
        let waiting = |status: Status| {
            let lanes = self.lanes.iter().take(self.group).enumerate();
            lanes.filter(|(_, lane)| lane.status == status).map(|(index, lane)| (self.tid(index), lane.site)).next()
        };
        let mut parts = Vec::new();
        if let Some((tid, site)) = waiting(Status::AtBlockBarrier) {
            parts.push(format!("thread {tid} waits at the block barrier at {site}"));
        }
        if let Some((tid, site)) = waiting(Status::AtWarpOperation) {
            parts.push(format!("thread {tid} waits at the warp operation at {site}"));
        }
        format!("divergent synchronisation: {}, and no other thread can run", parts.join(", "))
    }

    pub(super) fn tid(&self, index: usize) -> u32 {
        self.first_tid + index as u32
    }

    /// Describes what the signal handler caught.
    fn signal_text(&self, (signal, address): (i32, usize)) -> String {
        match signal {
            libc::SIGFPE => "integer division by zero or overflow".to_owned(),
            libc::SIGSEGV | libc::SIGBUS if self.stacks.is_guard(address) => "stack overflow of a thread".to_owned(),
            libc::SIGSEGV | libc::SIGBUS => format!("access to address {address:#x}, which is not device memory"),
            _ => format!("signal {signal}"),
        }
    }
}

/// What every fiber runs: its thread, or all threads of the block where none waits for another.
unsafe extern "C" fn lane_main(lane: *mut Lane) -> ! {
    // SAFETY: the lane was written by `form_group`; worker and job outlive the group. No reference is held while device
    // source runs.
    unsafe {
        let worker = (*lane).worker.cast::<Worker>();
        let job = (*worker).job;
        let (entry, params, sync) = ((*job).entry, (*job).params.as_ptr(), (*job).sync);
        match sync {
            SyncMode::None => {
                for turn in 0..(*lane).bdim as usize {
                    (*lane).tid = (*worker).thread_of_turn(turn);
                    entry(params.cast());
                }
            }
            SyncMode::Warp | SyncMode::Block => entry(params.cast()),
        }
        super::calls::ended(lane);
        loop {
            leave(worker, index_of(worker, lane));
        }
    }
}

/// The slot of a lane.
pub(super) unsafe fn index_of(worker: *mut Worker, lane: *mut Lane) -> usize {
    // SAFETY: both pointers are of the running group.
    unsafe { if (*(*worker).job).sync == SyncMode::None { 0 } else { ((*lane).tid - (*worker).first_tid) as usize } }
}

/// From a fiber: hands control to the scheduler until this lane is picked again.
///
/// # Safety
/// Called on the fiber of lane `index` of the running group.
pub(super) unsafe fn leave(worker: *mut Worker, index: usize) {
    // SAFETY: the scheduler's context was saved when it switched here. The references end before the switch.
    unsafe {
        let save = (*worker).sp_place(index);
        switch(save, (*worker).scheduler_sp);
    }
}

/// From a fiber or its signal handler: hands control to the scheduler for good.
///
/// # Safety
/// As [`leave`], with a fault or signal noted.
pub(super) unsafe fn abandon(worker: *mut Worker) -> ! {
    let mut nobody = ptr::null_mut();
    loop {
        // SAFETY: as in `leave`; the context saved here is never resumed.
        unsafe { switch(&raw mut nobody, (*worker).scheduler_sp) };
    }
}

/// Runs one block. `Err` says what went wrong in it.
///
/// # Safety
/// `worker` has begun `job`, whose entry and parameters fit together.
pub(super) unsafe fn run_block(worker: *mut Worker, job: &Job, bid: u32) -> Result<(), String> {
    // SAFETY: for all of it: the worker is this thread's alone, and references to it end before fibers run.
    unsafe {
        (*worker).shared.poison();
        let threads = job.launch.threads;
        let outcome = match job.sync {
            SyncMode::None => {
                (*worker).thread_order(threads);
                run_group(worker, job, bid, 0, 1)
            }
            SyncMode::Warp => (0..threads).step_by(WARP).try_for_each(|first| run_group(worker, job, bid, first, WARP)),
            SyncMode::Block => run_group(worker, job, bid, 0, threads as usize),
        };
        outcome?;
        (*worker).shared.complaint().map_or(Ok(()), Err)
    }
}

unsafe fn run_group(worker: *mut Worker, job: &Job, bid: u32, first_tid: u32, group: usize) -> Result<(), String> {
    // SAFETY: as in `run_block`.
    unsafe {
        (*worker).form_group(job, bid, first_tid, group);
        loop {
            let Some(index) = (*worker).pick() else {
                return if (*worker).ended == group { Ok(()) } else { Err((*worker).deadlock()) };
            };
            let sp = *(*worker).sp_place(index);
            RUNNING.set(worker);
            switch(&raw mut (*worker).scheduler_sp, sp);
            RUNNING.set(ptr::null_mut());
            if let Some(signal) = (*worker).signal.take() {
                return Err((*worker).signal_text(signal));
            }
            if let Some(fault) = (*worker).fault.take() {
                return Err(fault);
            }
        }
    }
}
