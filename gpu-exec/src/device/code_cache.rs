//! From a request to a loaded kernel: memory, then disk, then the compiler.
//!
//! Misses of one call compile in parallel. A request that several threads make at once is compiled by the first; the
//! others wait on its slot and count as memory hits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::backend::{Device, Kernel};
use super::counters::Counters;
use super::disk_cache::DiskCache;
use super::{CodeOrigin, CompiledKernel, DeviceResult, KernelRequest, parallel};

/// A kernel's place in memory; the lock is held while it is being made.
type Slot = Arc<Mutex<Option<Arc<dyn Kernel>>>>;

#[derive(Debug)]
pub(crate) struct CodeCache {
    device: Arc<dyn Device>,
    disk: DiskCache,
    slots: Mutex<HashMap<String, Slot>>,
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
        let slot = Arc::clone(self.slots.lock().entry(key.clone()).or_default());
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
