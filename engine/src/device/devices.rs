//! Opens devices at need and keeps them open. Which one a query gets follows from its options. A device has one arena at a
//! time: where it is wanted with other memory, the runtime that had it rests, and gives its memory back.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::prelude::SessionConfig;
use maar_gpu_exec::device::{DeviceChoice, DeviceOptions, MemoryUse};
use maar_gpu_exec::exec::{DeviceFactory, DeviceRuntime, HostRules, RuntimeOptions};
use maar_gpu_exec::planner::{DeviceNodes, PlacementRule};
use maar_gpu_exec::scan::Footers;
use parking_lot::Mutex;

use super::{DeviceKind, MaarOptions};

/// The open devices. Sessions that share one of these share devices, their memory and the columns on them; a server gives
/// all its sessions the same.
#[derive(Debug, Default)]
pub struct Devices {
    open: Mutex<Open>,
    /// Of the files that these sessions read, on a device or not.
    footers: Arc<Footers>,
}

#[derive(Debug, Default)]
struct Open {
    known: HashMap<Wanted, Opened>,
    /// Of each device, how it was wanted last.
    awake: HashMap<DeviceKind, Wanted>,
}

/// What tells one way of opening a device from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Wanted {
    device: DeviceKind,
    device_memory: Option<u64>,
    resident_memory: Option<u64>,
}

#[derive(Debug, Clone)]
enum Opened {
    Device {
        runtime: Arc<DeviceRuntime>,
        nodes: Arc<dyn DeviceNodes>,
    },
    /// The CPU, by wish or because `auto` found no usable device.
    Cpu,
}

impl Devices {
    /// The placement rule for the device that `config` names; opens it if it is not open yet. `after`: the rules that what
    /// is placed will not meet, and that it needs where it goes back to the host.
    pub(crate) fn rule(&self, config: &ConfigOptions, after: &HostRules) -> Result<PlacementRule> {
        Ok(PlacementRule::new(match self.opened(&options(config))? {
            Opened::Device { runtime, .. } => {
                Some(Arc::new(DeviceFactory::new(runtime).with_way_back(Arc::clone(after))))
            }
            Opened::Cpu => None,
        }))
    }

    /// What makes and knows device nodes, and the device's name; `None` for the CPU or a device that does not open.
    pub(super) fn nodes(&self, options: &MaarOptions) -> Option<(Arc<dyn DeviceNodes>, String)> {
        match self.opened(options) {
            Ok(Opened::Device { runtime, nodes }) => Some((nodes, runtime.handle().info().name.clone())),
            Ok(Opened::Cpu) | Err(_) => None,
        }
    }

    /// The open devices with the memory that they use; none while one is being opened.
    pub(crate) fn usage(&self) -> Vec<(String, MemoryUse)> {
        let runtimes = self.runtimes().into_iter();
        runtimes.map(|runtime| (runtime.handle().info().name.clone(), runtime.handle().memory())).collect()
    }

    pub(crate) fn footers(&self) -> &Arc<Footers> {
        &self.footers
    }

    /// The open devices; none while one is being opened.
    pub(crate) fn runtimes(&self) -> Vec<Arc<DeviceRuntime>> {
        let Some(open) = self.open.try_lock() else { return Vec::new() };
        let mut known: Vec<&Arc<DeviceRuntime>> = Vec::new();
        for (wanted, opened) in &open.known {
            if let Opened::Device { runtime, .. } = opened
                && (open.is_awake(wanted) || runtime.handle().memory().used_bytes > 0)
                && !known.iter().any(|other| Arc::ptr_eq(other, runtime))
            {
                known.push(runtime);
            }
        }
        known.into_iter().cloned().collect()
    }

    /// Forgets devices that were opened with other memory than `config` says: each closes with the last statement on it.
    pub(crate) fn forget_others(&self, config: &ConfigOptions) {
        let wanted = Wanted::by(&options(config));
        let others: Vec<_> = self.open.lock().known.extract_if(|open, _| !open.has_memory_of(&wanted)).collect();
        // Closing waits for the device: not under the lock. Plans that are kept hold it longer, but not its memory.
        others.iter().for_each(|(_, opened)| opened.rest());
        drop(others);
    }

    fn opened(&self, options: &MaarOptions) -> Result<Opened> {
        let wanted = Wanted::by(options);
        // Held while opening: of two queries that want the same device, the second waits for the first's.
        let mut open = self.open.lock();
        open.wake(&wanted);
        if let Some(opened) = open.known.get(&wanted) {
            return Ok(opened.clone());
        }
        let opened = match wanted.device {
            DeviceKind::Cpu => Opened::Cpu,
            DeviceKind::Cuda => wanted.open(DeviceChoice::Cuda { ordinal: 0 })?,
            DeviceKind::Emulated => wanted.open(DeviceChoice::Emulated)?,
            // What is missing is told by `maar devices`, and by `SET maar.device = 'cuda'`.
            DeviceKind::Auto => wanted.open(DeviceChoice::Cuda { ordinal: 0 }).unwrap_or(Opened::Cpu),
        };
        // The same GPU under both names: opened twice, the second would get what memory the first has left.
        if let (DeviceKind::Auto | DeviceKind::Cuda, Opened::Device { .. }) = (wanted.device, &opened) {
            let other = if wanted.device == DeviceKind::Auto { DeviceKind::Cuda } else { DeviceKind::Auto };
            open.known.insert(Wanted { device: other, ..wanted.clone() }, opened.clone());
        }
        open.known.insert(wanted, opened.clone());
        Ok(opened)
    }
}

impl Open {
    fn is_awake(&self, wanted: &Wanted) -> bool {
        self.awake.get(&wanted.card()).is_some_and(|awake| awake.has_memory_of(wanted))
    }

    /// The device is wanted so from now on. Before it is opened, so that it finds the memory free. Those that rest are told
    /// again: columns of statements that ran on there are let go of.
    fn wake(&mut self, wanted: &Wanted) {
        for (known, opened) in self.known.iter().filter(|(known, _)| known.card() == wanted.card()) {
            if known.has_memory_of(wanted) { opened.wake() } else { opened.rest() }
        }
        self.awake.insert(wanted.card(), wanted.clone());
    }
}

impl Opened {
    fn rest(&self) {
        if let Opened::Device { runtime, .. } = self
            && runtime.handle().memory().arena_bytes > 0
        {
            runtime.rest();
        }
    }

    fn wake(&self) {
        if let Opened::Device { runtime, .. } = self {
            runtime.wake();
        }
    }
}

impl Wanted {
    fn by(options: &MaarOptions) -> Self {
        let MaarOptions { device, device_memory, resident_memory, .. } = *options;
        Self { device, device_memory, resident_memory }
    }

    /// The device under one name.
    fn card(&self) -> DeviceKind {
        if self.device == DeviceKind::Auto { DeviceKind::Cuda } else { self.device }
    }

    fn has_memory_of(&self, other: &Self) -> bool {
        (self.device_memory, self.resident_memory) == (other.device_memory, other.resident_memory)
    }

    fn open(&self, choice: DeviceChoice) -> Result<Opened> {
        let options = RuntimeOptions {
            device: DeviceOptions { memory_bytes: self.device_memory, ..DeviceOptions::default() },
            resident_bytes: self.resident_memory,
            segment_rows: None,
            input_bytes: None,
            patience: None,
        };
        let runtime = DeviceRuntime::open(choice, &options)?;
        let nodes = Arc::new(DeviceFactory::new(Arc::clone(&runtime)));
        Ok(Opened::Device { runtime, nodes })
    }
}

/// The options of a session; the defaults where Maar is not installed.
pub(super) fn options(config: &ConfigOptions) -> MaarOptions {
    config.extensions.get::<MaarOptions>().cloned().unwrap_or_default()
}

/// Of how many statements the plans are kept. Of none on the CPU: the host's operators do not all run twice.
pub(crate) fn kept_plans(config: &ConfigOptions) -> usize {
    let options = options(config);
    match options.device {
        DeviceKind::Cpu => 0,
        DeviceKind::Auto | DeviceKind::Cuda | DeviceKind::Emulated => {
            usize::try_from(options.plan_cache).unwrap_or(usize::MAX)
        }
    }
}

/// The devices in `config`, put there if there are none yet.
pub(crate) fn install_devices(config: &mut SessionConfig) -> Arc<Devices> {
    let devices = config.get_extension::<Devices>().unwrap_or_else(|| {
        let devices = Arc::new(Devices::default());
        config.set_extension(Arc::clone(&devices));
        devices
    });
    config.set_extension(Arc::clone(&devices.footers));
    devices
}

/// The devices of a session that Maar is installed in.
pub(crate) fn session_devices(config: &SessionConfig) -> Option<Arc<Devices>> {
    config.get_extension::<Devices>()
}
