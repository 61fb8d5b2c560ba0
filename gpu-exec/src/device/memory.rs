//! Who uses the device's memory, and how much they may: budget, reservations, and buffers that give themselves back.
//!
//! A request that does not fit asks the reclaimer (the column store, which evicts) until that frees nothing, then is refused
//! with an error that names it. Not here: which addresses are free ([`super::arena`]), how a device gets memory ([`super::backend`]).

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::arena::{Arena, round_up};
use super::backend::{Device, Region};
use super::refusals::Refusals;
use super::stream::Pending;
use super::{DeviceError, DevicePtr, DeviceResult};

/// Frees memory when a request would be refused: takes the bytes needed, returns the bytes it freed.
pub(crate) type Reclaimer = Box<dyn Fn(u64) -> u64 + Send + Sync>;

/// Accounting of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// Bytes of live buffers and reservations.
    pub used_bytes: u64,
    /// The most [`MemoryUse::used_bytes`] has been.
    pub peak_bytes: u64,
    /// The most it may be.
    pub budget_bytes: u64,
    /// Bytes that were taken of the device to be divided.
    pub arena_bytes: u64,
}

/// The memory of one device.
pub(crate) struct Memory {
    device: Arc<dyn Device>,
    budget: u64,
    arrangement: Arrangement,
    state: Mutex<State>,
    reclaimer: Mutex<Option<Arc<Reclaimer>>>,
    refusals: Refusals,
}

/// Where buffers lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrangement {
    /// Side by side in a few chunks.
    Arena,
    /// Each in an allocation of the driver's of its own, of exactly its bytes: slow, and the only way in which a tool
    /// that checks accesses sees one that leaves its buffer.
    Separate,
}

#[derive(Debug, Default)]
struct State {
    arena: Arena,
    used: u64,
    peak: u64,
    /// Peaks of who wants to know them of a time of their own.
    watchers: Vec<Weak<AtomicU64>>,
    /// Whether it is given back to the driver as soon as nobody uses it.
    rests: bool,
}

/// Why a request did not fit, in bytes that would have to become free.
enum Refusal {
    /// Over the budget by this much.
    Budget(u64),
    /// Within the budget, but no free range is long enough.
    Fragmented { largest_free: u64 },
}

impl Memory {
    pub(crate) fn new(device: Arc<dyn Device>, budget: u64, arrangement: Arrangement) -> Arc<Self> {
        Arc::new(Self {
            device,
            budget,
            arrangement,
            state: Mutex::default(),
            reclaimer: Mutex::default(),
            refusals: Refusals::default(),
        })
    }

    pub(crate) fn set_reclaimer(&self, reclaimer: Reclaimer) {
        *self.reclaimer.lock() = Some(Arc::new(reclaimer));
    }

    /// See [`super::DeviceHandle::refuse`].
    pub(crate) fn refuse(&self, requests: Range<u64>) -> u64 {
        self.refusals.set(requests)
    }

    /// See [`super::DeviceHandle::rest`].
    pub(crate) fn rest(&self, rests: bool) {
        let mut state = self.state.lock();
        state.rests = rests;
        self.shed(&mut state);
    }

    /// Gives memory that rests and that nobody uses back to the driver.
    fn shed(&self, state: &mut State) {
        if state.rests && state.used == 0 {
            self.free_chunks(&std::mem::take(&mut state.arena));
        }
    }

    fn free_chunks(&self, arena: &Arena) {
        for (start, bytes) in arena.chunks() {
            self.device.free_chunk(DevicePtr(start), bytes);
        }
    }

    pub(crate) fn usage(&self) -> MemoryUse {
        let state = self.state.lock();
        let (used_bytes, peak_bytes, arena_bytes) = (state.used, state.peak, state.arena.chunk_bytes());
        MemoryUse { used_bytes, peak_bytes, budget_bytes: self.budget, arena_bytes }
    }

    /// Raises `peak` to the most that is in use, from now on and as long as anybody holds it.
    pub(crate) fn watch(&self, peak: &Arc<AtomicU64>) {
        let mut state = self.state.lock();
        state.watchers.retain(|watcher| watcher.strong_count() > 0);
        state.watchers.push(Arc::downgrade(peak));
        peak.fetch_max(state.used, Ordering::Relaxed);
    }

    pub(crate) fn alloc(self: &Arc<Self>, operation: &str, bytes: usize) -> DeviceResult<DeviceBuffer> {
        let occupied = round_up(bytes as u64);
        let start = self.ask(operation, occupied, |memory| memory.try_take(bytes, occupied))?;
        Ok(self.buffer(operation, start, bytes))
    }

    pub(crate) fn reserve(self: &Arc<Self>, operation: &str, bytes: u64) -> DeviceResult<Reservation> {
        self.ask(operation, bytes, |memory| memory.state.lock().charge(bytes, memory.budget))?;
        Ok(Reservation { memory: Arc::clone(self), operation: operation.to_owned(), bytes })
    }

    /// Tries; where it is refused, reclaims and tries again until nothing can be reclaimed, and then says no.
    fn ask<T>(&self, operation: &str, asked: u64, attempt: impl Fn(&Self) -> Result<T, Refusal>) -> DeviceResult<T> {
        let refused_anyway = self.refusals.refuse_next();
        let attempt = |memory: &Self| if refused_anyway { Err(Refusal::Budget(asked)) } else { attempt(memory) };
        let mut refusal = match attempt(self) {
            Ok(granted) => return Ok(granted),
            Err(refusal) => refusal,
        };
        let reclaimer = self.reclaimer.lock().as_ref().map(Arc::clone);
        while let Some(reclaim) = &reclaimer {
            let freed = reclaim(match refusal {
                Refusal::Budget(over) => over,
                Refusal::Fragmented { .. } => asked,
            });
            match attempt(self) {
                Ok(granted) => return Ok(granted),
                // Another request may have taken what was freed for this one.
                Err(again) if freed > 0 => refusal = again,
                Err(again) => {
                    refusal = again;
                    break;
                }
            }
        }
        Err(self.refused(operation, asked, &refusal))
    }

    fn refused(&self, operation: &str, asked_bytes: u64, refusal: &Refusal) -> DeviceError {
        let operation = match refusal {
            Refusal::Budget(_) => operation.to_owned(),
            Refusal::Fragmented { largest_free } => {
                format!("{operation} (fragmented: the longest free range has {largest_free} bytes)")
            }
        };
        let used_bytes = self.state.lock().used;
        DeviceError::OutOfMemory { operation, asked_bytes, used_bytes, budget_bytes: self.budget }
    }

    /// Addresses for a buffer of `bytes` bytes; `charged` of what it occupies is new to the accounting.
    fn try_take(&self, bytes: usize, charged: u64) -> Result<u64, Refusal> {
        let with_zones = self.with_zones(bytes);
        let mut state = self.state.lock();
        state.charge(charged, self.budget)?;
        if self.arrangement == Arrangement::Separate {
            return self.device.allocate_chunk(with_zones).map(|ptr| ptr.0).map_err(|_| {
                state.used -= charged;
                Refusal::Fragmented { largest_free: 0 }
            });
        }
        let taken = state.arena.take(with_zones).or_else(|| {
            self.grow(&mut state.arena, with_zones);
            state.arena.take(with_zones)
        });
        taken.ok_or_else(|| {
            state.used -= charged;
            Refusal::Fragmented { largest_free: state.arena.largest_free() }
        })
    }

    /// What a buffer takes of the device, red zones included.
    fn with_zones(&self, bytes: usize) -> u64 {
        let zones = 2 * self.device.red_zone_bytes() as u64;
        let own = match self.arrangement {
            // Zones begin and end where the device wants them to.
            Arrangement::Separate if zones == 0 => bytes.max(1) as u64,
            Arrangement::Separate | Arrangement::Arena => round_up(bytes as u64),
        };
        own.saturating_add(zones)
    }

    /// Asks the device for a chunk: all that is left of the budget, or what it can still give of it.
    fn grow(&self, arena: &mut Arena, needed: u64) {
        let zones = self.device.red_zone_bytes() as u64;
        // Red zones are the instrument's, not the caller's: the budget is stretched for them.
        let capacity = if zones == 0 { self.budget } else { self.budget.saturating_mul(2).saturating_add(64 << 20) };
        let mut bytes = capacity.saturating_sub(arena.chunk_bytes()) / 256 * 256;
        while bytes >= needed {
            if let Ok(ptr) = self.device.allocate_chunk(bytes) {
                arena.add_chunk(ptr.0, bytes);
                return;
            }
            bytes = bytes / 4 * 3 / 256 * 256;
        }
    }

    fn buffer(self: &Arc<Self>, operation: &str, start: u64, bytes: usize) -> DeviceBuffer {
        let region = Region {
            ptr: DevicePtr(start + self.device.red_zone_bytes() as u64),
            bytes,
            occupied: round_up(bytes as u64) as usize,
            operation: operation.into(),
        };
        self.device.region_taken(&region);
        DeviceBuffer { memory: Arc::clone(self), region, pending: Mutex::default() }
    }

    fn give_back(&self, region: &Region) {
        self.device.region_given_back(region);
        let start = region.ptr.0 - self.device.red_zone_bytes() as u64;
        let taken = self.with_zones(region.bytes);
        if self.arrangement == Arrangement::Separate {
            self.device.free_chunk(DevicePtr(start), taken);
        }
        let mut state = self.state.lock();
        if self.arrangement == Arrangement::Arena {
            state.arena.give_back(start, taken);
        }
        state.used -= region.occupied as u64;
        self.shed(&mut state);
    }
}

impl State {
    fn charge(&mut self, bytes: u64, budget: u64) -> Result<(), Refusal> {
        let total = self.used.saturating_add(bytes);
        if total > budget {
            return Err(Refusal::Budget(total - budget));
        }
        self.used = total;
        self.peak = self.peak.max(total);
        for peak in self.watchers.iter().filter_map(Weak::upgrade) {
            peak.fetch_max(total, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let arena = std::mem::take(&mut self.state.get_mut().arena);
        self.free_chunks(&arena);
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("use", &self.usage()).finish_non_exhaustive()
    }
}

/// Device memory of one owner. Dropping it gives it back at once. Copies and fills of it that are still queued are
/// waited for: where a later allocation is refused, earlier buffers go while they are being filled, and their memory
/// may be another query's in the next moment. Launches cannot be seen: whoever drops a buffer has synchronised the
/// stream of the last one that uses it.
#[derive(Debug)]
pub struct DeviceBuffer {
    memory: Arc<Memory>,
    region: Region,
    pending: Mutex<Vec<Pending>>,
}

impl DeviceBuffer {
    /// Bytes asked for; it occupies the next multiple of 256.
    pub fn len(&self) -> usize {
        self.region.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.region.bytes == 0
    }

    /// Where it starts, aligned to 256 bytes.
    pub fn ptr(&self) -> DevicePtr {
        self.region.ptr
    }

    /// What it was allocated for.
    pub fn operation(&self) -> &str {
        &self.region.operation
    }

    /// The address of `bytes` bytes from `offset`.
    ///
    /// # Errors
    /// `InvalidCall` where they do not lie inside the buffer.
    pub(crate) fn range(&self, call: &str, offset: usize, bytes: usize) -> DeviceResult<DevicePtr> {
        match offset.checked_add(bytes) {
            Some(end) if end <= self.region.bytes => Ok(DevicePtr(self.region.ptr.0 + offset as u64)),
            _ => Err(DeviceError::invalid(
                call,
                format!(
                    "{bytes} bytes from offset {offset} do not lie inside the {} bytes of `{}`",
                    self.region.bytes, self.region.operation
                ),
            )),
        }
    }

    /// Notes work that is queued on the buffer.
    pub(crate) fn note(&self, work: Pending) {
        let mut pending = self.pending.lock();
        pending.retain(|earlier| !earlier.is_covered_by(&work));
        pending.push(work);
    }

    pub(crate) fn belongs_to(&self, memory: &Arc<Memory>) -> bool {
        Arc::ptr_eq(&self.memory, memory)
    }
}

impl Drop for DeviceBuffer {
    fn drop(&mut self) {
        self.pending.get_mut().iter().for_each(Pending::wait);
        self.memory.give_back(&self.region);
    }
}

/// Bytes set aside before they are allocated, so that a step is refused before it starts and not in its middle.
#[derive(Debug)]
pub struct Reservation {
    memory: Arc<Memory>,
    operation: String,
    bytes: u64,
}

impl Reservation {
    /// Bytes still set aside.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A buffer paid from this reservation; what it lacks is asked for as [`super::DeviceHandle::alloc`] would.
    ///
    /// # Errors
    /// `OutOfMemory`, with the reservation as it was.
    pub fn alloc(&mut self, bytes: usize) -> DeviceResult<DeviceBuffer> {
        let occupied = round_up(bytes as u64);
        let reserved = occupied.min(self.bytes);
        let extra = occupied - reserved;
        let start = self.memory.ask(&self.operation, occupied, |memory| memory.try_take(bytes, extra))?;
        self.bytes -= reserved;
        Ok(self.memory.buffer(&self.operation, start, bytes))
    }

    /// Gives back all but `bytes`; does nothing where fewer are left.
    pub fn shrink_to(&mut self, bytes: u64) {
        let surplus = self.bytes.saturating_sub(bytes);
        self.bytes -= surplus;
        self.memory.state.lock().used -= surplus;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}
