//! Placement: the one place where a host subtree becomes a device plan, or a reason why it does not.
//!
//! [`PlacementRule`] finds maximal supported subtrees, [`lower`] turns one into `ir` nodes, [`translate`] one
//! expression, [`support`] is the table both ask, [`placements`] says of a finished plan what runs where and why.
//! Not here: facts, widths, join and group-by strategies, running anything.

pub mod expression;
pub mod reason;
pub mod support;

pub use expression::translate;
pub use reason::Reason;
