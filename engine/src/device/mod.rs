//! The engine's one seam to the device half: every name of `maar-gpu-exec` that the engine uses comes from here.
//! Not here: placement itself, pipelines, or anything that knows CUDA.

mod caches;
mod devices;
mod nodes;
mod progress;
mod report;

pub use caches::CacheUsage;
pub use devices::Devices;
pub use maar_gpu_exec::device::{DiscoveryReport, discover};
pub use maar_gpu_exec::options::{DeviceOption as DeviceKind, MaarOptions};
pub use maar_gpu_exec::planner::{OperatorPlacement, Placement};
pub use maar_gpu_exec::report::{DeviceReport, Ended, PipelineReport};
pub use maar_gpu_exec::trace::{FirstKernel, MemoryPeaks, TimelineReport, Work, WorkReport};
pub use nodes::PlanNode;
pub use report::QueryReport;

/// A device opened by itself, for who checks or measures it: no query goes through here.
pub mod bare {
    pub use maar_gpu_exec::bench;
    pub use maar_gpu_exec::device::{DeviceChoice, DeviceHandle, DeviceInfo, DeviceOptions, selftest};
}

pub(crate) use devices::{install_devices, kept_plans, session_devices};
pub(crate) use maar_gpu_exec::device::DeviceError;
pub(crate) use maar_gpu_exec::error::{CAST, DIVISION_BY_ZERO, Error as DeviceSideError, OVERFLOW};
pub(crate) use maar_gpu_exec::exec::{FirstRowsRule, HostRules};
pub(crate) use maar_gpu_exec::options::bytes_of;
pub(crate) use maar_gpu_exec::panics::{Panic, caught};
pub(crate) use maar_gpu_exec::planner::{FLOAT_KEY, ONE_NAN, PlacementRule};
pub(crate) use maar_gpu_exec::scan::{
    FileAt, Footers, Listed, Parsed, PinnedStore, ScanError, guarded, is_float, read_metadata, without_statistics,
};
pub(crate) use maar_gpu_exec::trace::Trace;
pub(crate) use progress::fraction;
pub(crate) use report::{is_device_node, is_required, refusal, went_back};
