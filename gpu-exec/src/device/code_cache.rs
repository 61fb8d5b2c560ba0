//! From a request to a loaded kernel: memory, then disk, then the compiler.
//!
//! Misses of one call compile in parallel. A request that several threads make at once is compiled by the first; the
//! others wait on its slot and count as memory hits. Memory keeps the kernels used last, [`KERNELS_MAX`] of them; what a
//! running query holds stays loaded until it ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::backend::{Device, Kernel};
use super::counters::Counters;
use super::disk_cache::DiskCache;
use super::{CodeOrigin, CompiledKernel, DeviceResult, KernelRequest, parallel};

/// Kernels kept in memory: far more than one application's queries need, and some hundred megabytes at most.
const KERNELS_MAX: usize = 4096;

/// A kernel's place in memory; the lock is held while it is being made.
type Slot = Arc<Mutex<Option<Arc<dyn Kernel>>>>;

/// The places, and when each was asked for last, in calls.
#[derive(Debug, Default)]
struct Slots {
    by_key: HashMap<String, (Slot, u64)>,
    calls: u64,
}

impl Slots {
    fn get(&mut self, key: &str) -> Slot {
        self.calls += 1;
        if let Some((slot, used)) = self.by_key.get_mut(key) {
            *used = self.calls;
            return Arc::clone(slot);
        }
        if self.by_key.len() >= KERNELS_MAX {
            self.forget_oldest();
        }
        let slot = Slot::default();
        self.by_key.insert(key.to_owned(), (Arc::clone(&slot), self.calls));
        slot
    }

    /// Makes room for a quarter, so that this is rare.
    fn forget_oldest(&mut self) {
        let mut uses: Vec<u64> = self.by_key.values().map(|(_, used)| *used).collect();
        uses.sort_unstable();
        let oldest_kept = uses.get(uses.len() / 4).copied().unwrap_or(0);
        // A slot that somebody else holds may be about to get its kernel.
        self.by_key.retain(|_, (slot, used)| *used >= oldest_kept || Arc::strong_count(slot) > 1);
    }
}

#[derive(Debug)]
pub(crate) struct CodeCache {
    device: Arc<dyn Device>,
    disk: DiskCache,
    slots: Mutex<Slots>,
    counters: Arc<Counters>,
}

impl CodeCache {
    pub(crate) fn new(device: Arc<dyn Device>, disk: DiskCache, counters: Arc<Counters>) -> Self {
        Self { device, disk, slots: Mutex::default(), counters }
    }

    /// The kernels, in the order asked for. The first error wins.
    pub(crate) fn kernels(&self, requests: &[KernelRequest]) -> DeviceResult<Vec<CompiledKernel>> {
        parallel::map(requests, |request| self.kernel(request)).into_iter().collect()
    }

    fn kernel(&self, request: &KernelRequest) -> DeviceResult<CompiledKernel> {
        let key = DiskCache::key(request);
        let slot = self.slots.lock().get(&key);
        let mut held = slot.lock();
        let (code, origin, compile) = match &*held {
            Some(code) => {
                self.counters.memory_hit();
                (Arc::clone(code), CodeOrigin::Memory, Duration::ZERO)
            }
            None => self.find_or_compile(request, &key)?,
        };
        *held = Some(Arc::clone(&code));
        Ok(CompiledKernel { entry: request.entry.clone(), origin, compile, code })
    }

    fn find_or_compile(
        &self,
        request: &KernelRequest,
        key: &str,
    ) -> DeviceResult<(Arc<dyn Kernel>, CodeOrigin, Duration)> {
        // A file that is whole but cannot be loaded is a miss like one that is damaged: it is made anew.
        let found = self.disk.read(key).and_then(|image| self.device.load(request, &image, &self.disk.path(key)).ok());
        if let Some(code) = found {
            self.counters.disk_hit();
            return Ok((code, CodeOrigin::Disk, Duration::ZERO));
        }
        let start = Instant::now();
        let image = self.device.compile(request, &self.disk.scratch())?;
        let took = start.elapsed();
        self.counters.compiled(took);
        let path = self.disk.write(key, &image)?;
        let code = self.device.load(request, &image, &path)?;
        Ok((code, CodeOrigin::Compiled, took))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_is_kept() {
        let mut slots = Slots::default();
        let held = slots.get("held");
        for number in 0..KERNELS_MAX {
            slots.get(&number.to_string());
            slots.get("7");
        }
        assert!(slots.by_key.len() < KERNELS_MAX);
        assert!(slots.by_key.contains_key("7"), "used all the time");
        assert!(!slots.by_key.contains_key("8"), "used once, long ago");
        assert!(Arc::ptr_eq(&slots.get("held"), &held), "held by a query");
    }
}
