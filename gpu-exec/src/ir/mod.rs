//! The plain data that placement, strategy and code generation share: types, expressions, the device plan, pipelines.
//!
//! No behaviour beyond constructors and questions about the data itself. Placement writes [`Node`] trees from host
//! plans; strategy resolves their expressions into [`Value`]s and cuts them into [`Pipeline`]s; `codegen` turns a
//! pipeline into source.

mod bounds;
mod constant;
mod expr;
mod pipeline;
mod plan;
mod rounding;
mod text;
mod types;
mod value;
mod width;
mod window;

pub use bounds::Bounds;
pub use constant::Constant;
pub use expr::{ArithmeticOp, BitOp, CompareOp, DatePart, DateUnit, Expr, ExprKind, HostFunction};
pub use pipeline::{
    Accumulator, AccumulatorKind, BuildId, BuildSink, ColumnShape, EmitColumn, Fragments, GroupKind, GroupTable,
    KeyRows, KeyShape, KeyTable, Matching, Origin, PayloadShape, Pipeline, Probe, Register, Sink, Source, Step,
    StoredShape,
};
pub use plan::{
    AggregateCall, AggregateFunction, Field, FirstRows, GroupingSet, JoinColumn, JoinKind, JoinSide, Node, SortKey,
};
pub use rounding::Rounding;
pub use text::{LikePart, TextTest, TextUnit};
pub use types::Type;
pub use value::{Failure, FloatFunction, MeanPart, PARTS_MAX, Repr, TextTestKind, Value, ValueKind};
pub use width::IntWidth;
pub use window::{Frame, FrameEdge, FrameRow, FrameUnits, RowNumber, WindowCall, WindowFunction};
