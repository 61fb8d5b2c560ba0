//! Driving pipelines: memory for their sinks, arguments for their kernels, launches, results.
//!
//! A [`Run`] executes one [`QueryPlan`](crate::strategy::QueryPlan): stages fill states (builds, groups) that others read,
//! each over all waves of its feed, on one stream. Over tables that are on the device nothing waits until the last stage has
//! emitted. A state that was too small is filled again, and one that cannot be large enough is filled and read in parts.

mod arguments;
mod build;
mod emission;
mod emit;
mod feed;
mod first;
mod forecast;
mod groups;
mod held;
mod kernels;
mod launch;
mod learned;
mod merge;
mod needs;
mod part;
mod passes;
mod prefix_sums;
mod rows;
mod run;
mod sort;
mod sorted;
mod source;
mod spill;
mod stage_report;
mod states;
mod status;
mod texts;
mod walks;
mod windows;

pub use emit::Emitted;
pub use feed::{ArrivingTable, Feed, SegmentFeed};
pub use kernels::{KnownKernels, StageKernel, compile_stages};
pub use learned::Learned;
pub use passes::{Reader, RunEnd};
pub use run::{Before, Run};
pub use spill::{RowSpace, Written};
pub use stage_report::{Sorted, StageReport};
