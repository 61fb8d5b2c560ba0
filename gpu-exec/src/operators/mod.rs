//! Driving pipelines: memory for their sinks, arguments for their kernels, launches, results.
//!
//! A [`Run`] executes one [`QueryPlan`](crate::strategy::QueryPlan): every stage is launched in order on one stream, over
//! all waves of its feed. Over tables that are on the device nothing waits until the last stage has emitted. Where a table
//! of ours was too small the run is repeated with a larger one.

mod arguments;
mod build;
mod emission;
mod emit;
mod feed;
mod first;
mod groups;
mod kernels;
mod launch;
mod prefix_sums;
mod run;
mod source;
mod status;
mod texts;

pub use emit::Emitted;
pub use feed::{Feed, SegmentFeed};
pub use kernels::{KnownKernels, StageKernel, compile_stages};
pub use run::{Run, StageReport};
