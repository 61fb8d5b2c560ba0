//! Opens devices at need and keeps them open. Which one a query gets follows from its options.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use parking_lot::Mutex;

use super::{DeviceKind, DeviceRuntime, MaarOptions, PlacementRule, RuntimeOptions};

/// The devices of a session, opened when a query first wants them.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    open: Mutex<HashMap<(DeviceKind, Option<u64>), Option<Arc<DeviceRuntime>>>>,
}

impl Devices {
    /// The placement rule for the device that `config` names.
    pub(crate) fn rule(&self, config: &ConfigOptions) -> Result<PlacementRule> {
        let options = config.extensions.get::<MaarOptions>().cloned().unwrap_or_default();
        Ok(PlacementRule::new(self.runtime(&options)?))
    }

    /// `None` is the CPU. `auto` without a usable CUDA device is the CPU too, which placement reports as the reason.
    fn runtime(&self, options: &MaarOptions) -> Result<Option<Arc<DeviceRuntime>>> {
        let key = (options.device, options.device_memory);
        let mut open = self.open.lock();
        if let Some(runtime) = open.get(&key) {
            return Ok(runtime.clone());
        }
        let wanted = RuntimeOptions { memory_bytes: options.device_memory };
        let runtime = match options.device {
            DeviceKind::Cpu => None,
            DeviceKind::Auto => DeviceRuntime::open(DeviceKind::Cuda, &wanted).ok(),
            kind @ (DeviceKind::Cuda | DeviceKind::Emulated) => Some(DeviceRuntime::open(kind, &wanted)?),
        };
        open.insert(key, runtime.clone());
        Ok(runtime)
    }
}
