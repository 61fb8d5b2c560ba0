//! The plain data that placement, strategy and code generation share: types, expressions, the device plan.
//!
//! No behaviour beyond constructors and questions about the data itself. Placement writes [`Node`] trees from host
//! plans; strategy cuts them into [`Pipeline`]s; `codegen` turns a pipeline into device text.

mod bounds;
mod expr;
mod plan;
mod types;

pub use bounds::Bounds;
pub use expr::{ArithmeticOp, CompareOp, DatePart, Expr, ExprKind, HostFunction};
pub use plan::{AggregateCall, AggregateFunction, Field, JoinColumn, JoinSide, Node};
pub use types::Type;
