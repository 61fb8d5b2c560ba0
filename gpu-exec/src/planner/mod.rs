//! Placement: the one place where a host subtree becomes a device plan, or a reason why it does not.
//!
//! [`PlacementRule`] finds maximal supported subtrees, [`lower`] turns one into `ir` nodes, [`translate`] one
//! expression, [`support`] is the table both ask, [`placements`] says of a finished plan what runs where and why.
//! Not here: facts, widths, join and group-by strategies, running anything.

mod describe;
mod expression;
mod lower;
mod nodes;
mod placements;
mod policy;
mod reason;
mod rule;
pub mod support;
mod texts;

pub use describe::{describe, describe_expr, describe_keys, describe_type};
pub use expression::{DEPTH_MAX, FLOAT_KEY, ONE_NAN, translate};
pub use lower::{Lowered, carried, label, lower};
pub use nodes::{DeviceNodes, ScannedRows};
pub use placements::{OperatorPlacement, Placement, placements, placements_given, require_device_error};
pub use policy::{Policy, estimated_scan_bytes, policy};
pub use reason::Reason;
pub use rule::PlacementRule;
pub use texts::RawTexts;
