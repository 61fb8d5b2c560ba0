//! Page-locked staging memory: a few slots, allocated once, that copies pass through.
//!
//! A slot is taken, filled, used by an asynchronous copy, and given back with an event that says when the copy is done;
//! whoever takes it next waits for that. Pinning for every transfer would cost more than the transfer.

use std::collections::VecDeque;
use std::ptr;
use std::sync::Arc;

use cudarc::driver::{result, sys};
use parking_lot::{Condvar, Mutex};

use super::super::DeviceResult;
use super::context::{Context, failed};

/// Slots of one size.
#[derive(Debug)]
pub(super) struct PinnedRing {
    context: Arc<Context>,
    slot_bytes: usize,
    slots_max: usize,
    state: Mutex<State>,
    given_back: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// At rest, the one used longest ago first.
    free: VecDeque<RawSlot>,
    /// All there are, in use and at rest.
    created: usize,
}

#[derive(Debug)]
struct RawSlot {
    memory: *mut u8,
    event: sys::CUevent,
}

impl RawSlot {
    /// Whether the copy that used it last is done.
    fn is_idle(&self) -> bool {
        // SAFETY: the event is live.
        unsafe { result::event::query(self.event) }.is_ok()
    }
}

// SAFETY: plain page-locked memory and an event, owned by whoever holds the slot.
unsafe impl Send for RawSlot {}

impl PinnedRing {
    pub(super) fn new(context: Arc<Context>, slot_bytes: usize, slots_max: usize) -> Self {
        Self { context, slot_bytes, slots_max, state: Mutex::default(), given_back: Condvar::new() }
    }

    pub(super) fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    /// Bytes of all slots that there are.
    pub(super) fn bytes(&self) -> u64 {
        (self.state.lock().created * self.slot_bytes) as u64
    }

    /// Allocates slots until all are there, or one cannot be had: then it is asked for again when it is needed.
    pub(super) fn fill(&self) {
        while self.context.bind().is_ok() && self.may_create() {
            // Dropped, the slot is at rest.
            if self.created().is_err() {
                break;
            }
        }
    }

    fn may_create(&self) -> bool {
        let mut state = self.state.lock();
        let may = state.created < self.slots_max;
        state.created += usize::from(may);
        may
    }

    /// A slot that has been counted already.
    fn created(&self) -> DeviceResult<Slot<'_>> {
        self.create().inspect_err(|_| {
            self.state.lock().created -= 1;
            self.given_back.notify_one();
        })
    }

    /// A slot that no copy uses any more: one that is at rest, a new one, or one that is waited for. The context is
    /// current.
    pub(super) fn take(&self) -> DeviceResult<Slot<'_>> {
        let mut state = self.state.lock();
        loop {
            if let Some(raw) = state.free.pop_front_if(|raw| raw.is_idle()) {
                return Ok(Slot { ring: self, raw: Some(raw) });
            }
            if state.created < self.slots_max {
                state.created += 1;
                drop(state);
                return self.created();
            }
            if let Some(raw) = state.free.pop_front() {
                drop(state);
                return self.settle(raw);
            }
            self.given_back.wait(&mut state);
        }
    }

    fn create(&self) -> DeviceResult<Slot<'_>> {
        // SAFETY: fresh memory and a fresh event, freed in the ring's drop.
        let memory = unsafe { result::malloc_host(self.slot_bytes, 0) }.map_err(failed("cuMemHostAlloc"))?;
        let event = result::event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING).map_err(|error| {
            // SAFETY: allocated above, used by nobody.
            let _ = unsafe { result::free_host(memory) };
            failed("cuEventCreate")(error)
        })?;
        Ok(Slot { ring: self, raw: Some(RawSlot { memory: memory.cast(), event }) })
    }

    /// Waits for the copy that used the slot last.
    fn settle(&self, raw: RawSlot) -> DeviceResult<Slot<'_>> {
        let slot = Slot { ring: self, raw: Some(raw) };
        slot.wait()?;
        Ok(slot)
    }
}

impl Drop for PinnedRing {
    fn drop(&mut self) {
        if self.context.bind().is_err() {
            return;
        }
        for raw in self.state.get_mut().free.drain(..) {
            // SAFETY: a slot at rest; its last copy is waited for before its memory goes.
            unsafe {
                let _ = result::event::synchronize(raw.event);
                let _ = result::event::destroy(raw.event);
                let _ = result::free_host(raw.memory.cast());
            }
        }
    }
}

/// A slot in use. Dropping it gives it back; a copy that still uses it has been recorded.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    ring: &'a PinnedRing,
    raw: Option<RawSlot>,
}

impl Slot<'_> {
    fn raw(&self) -> (*mut u8, sys::CUevent) {
        self.raw.as_ref().map_or((ptr::null_mut(), ptr::null_mut()), |raw| (raw.memory, raw.event))
    }

    /// The slot's memory. No copy may be using it.
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        let (memory, _) = self.raw();
        // SAFETY: the slot's own memory of this length; `raw` is there until drop.
        unsafe { std::slice::from_raw_parts_mut(memory, self.ring.slot_bytes) }
    }

    /// Notes that work queued on `stream` so far uses the slot.
    pub(super) fn record(&self, stream: sys::CUstream) -> DeviceResult<()> {
        // SAFETY: both are live.
        unsafe { result::event::record(self.raw().1, stream) }.map_err(failed("cuEventRecord"))
    }

    /// Waits until that work is done; returns at once where none was recorded.
    pub(super) fn wait(&self) -> DeviceResult<()> {
        // SAFETY: the event is live.
        unsafe { result::event::synchronize(self.raw().1) }.map_err(failed("cuEventSynchronize"))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take() {
            self.ring.state.lock().free.push_back(raw);
            self.ring.given_back.notify_one();
        }
    }
}
