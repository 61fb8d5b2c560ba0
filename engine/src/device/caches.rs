//! What is kept between queries, and how often it was of use, as it is counted where it is kept. Not here: memory as a whole (`usage`).

use maar_gpu_exec::device::CountersSnapshot;
use maar_gpu_exec::exec::DeviceRuntime;
use maar_gpu_exec::scan::FootersKept;
use maar_stores::{OpenStore, Stores};

use super::devices::{kept_plans, session_devices};
use crate::session::Session;

/// A cache. `None` where nobody counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheUsage {
    /// What is kept in it.
    pub name: &'static str,
    /// The device that it belongs to, if to one.
    pub device: Option<String>,
    /// How many of them are kept, and of how many at most.
    pub entries: Option<u64>,
    pub entries_max: Option<u64>,
    /// Bytes that they take, and may.
    pub bytes: Option<u64>,
    pub bytes_max: Option<u64>,
    /// How often one was found, and how often not.
    pub hits: Option<u64>,
    pub misses: Option<u64>,
    /// Those that went for want of memory, and because their file had changed.
    pub evicted: Option<u64>,
    pub outdated: Option<u64>,
}

impl Session {
    /// The caches of the sessions that share devices with this one, and its own plans.
    pub fn caches(&self) -> Vec<CacheUsage> {
        let state = self.context().state();
        let devices = session_devices(state.config());
        let mut caches: Vec<CacheUsage> = Vec::new();
        if let Some(devices) = &devices {
            devices.runtimes().iter().for_each(|runtime| caches.extend(of_device(runtime)));
            let [ends, parsed] = devices.footers().kept();
            caches.extend([of_footers("file_ends", ends), of_footers("footers", parsed)]);
        }
        let plans = CacheUsage {
            name: "plans",
            entries: Some(self.kept_plans() as u64),
            entries_max: Some(kept_plans(state.config_options()) as u64),
            ..CacheUsage::default()
        };
        caches.push(plans);
        caches
    }

    /// The stores of URLs that were opened by the sessions that share them.
    pub fn object_stores(&self) -> Vec<OpenStore> {
        let stores = self.context().state().config().get_extension::<Stores>();
        stores.map(|stores| stores.opened()).unwrap_or_default()
    }
}

fn of_footers(name: &'static str, kept: FootersKept) -> CacheUsage {
    CacheUsage {
        name,
        entries: Some(kept.files),
        bytes: Some(kept.bytes),
        bytes_max: Some(kept.bytes_max),
        ..CacheUsage::default()
    }
}

fn of_device(runtime: &DeviceRuntime) -> [CacheUsage; 3] {
    let device = Some(runtime.handle().info().name.clone());
    let columns = runtime.store().stats();
    let CountersSnapshot { compiled, memory_hits, disk_hits, .. } = runtime.handle().counters();
    let kernels = |name, hits, misses| CacheUsage {
        name,
        device: device.clone(),
        hits: Some(hits),
        misses: Some(misses),
        ..CacheUsage::default()
    };
    [
        CacheUsage {
            name: "columns",
            device: device.clone(),
            entries: Some(columns.chunks),
            bytes: Some(columns.bytes),
            hits: Some(columns.hits),
            misses: Some(columns.misses),
            evicted: Some(columns.evicted),
            outdated: Some(columns.outdated),
            ..CacheUsage::default()
        },
        kernels("kernels", memory_hits, disk_hits + compiled),
        kernels("kernels_on_disk", disk_hits, compiled),
    ]
}
