//! The device in a host plan: the one plan node that runs on it, and the runtime it runs with.
//!
//! [`DeviceNodes`](crate::planner::DeviceNodes) is implemented here, so that placement makes real nodes.

mod account;
mod arriving;
mod chunks;
mod display;
mod first_rows;
mod guests;
mod host_share;
mod inputs;
mod node;
mod nodes;
mod room;
mod row_space;
mod runtime;
mod streamed;
mod tables;
mod task;
mod waves;
mod way_back;

pub use first_rows::FirstRowsRule;
pub use node::{DeviceExec, reports};
pub use nodes::DeviceFactory;
pub use runtime::{DeviceRuntime, RuntimeOptions};
pub use way_back::HostRules;
