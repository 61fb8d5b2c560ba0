//! The engine's one seam to the device half: every name of `maar-gpu-exec` that the engine uses comes from here.
//! Not here: placement itself, pipelines, or anything that knows CUDA.

mod devices;
mod options;
mod placement;

pub(crate) use devices::Devices;
pub use options::{DeviceKind, MaarOptions};
pub use placement::{
    DeviceRuntime, OperatorPlacement, PipelineReport, Placement, PlacementRule, QueryReport,
    RuntimeOptions, collect, placements,
};
