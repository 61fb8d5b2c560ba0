//! A window function in words.

use super::{describe_call, describe_expr, describe_type};
use crate::ir::{Field, Frame, FrameEdge, FrameRow, FrameUnits, RowNumber, WindowCall, WindowFunction};

/// One call over an input with these columns; `field` is that of its result.
pub(super) fn describe(call: &WindowCall, field: &Field, input: &[Field]) -> String {
    let marked = |text: String| format!("{text}:{}{}", describe_type(call.ty), if field.nullable { "?" } else { "" });
    match &call.function {
        WindowFunction::Number(number) => marked(number_name(*number)),
        WindowFunction::Shifted { argument, by, default } => {
            let default = default.as_ref().map(|expr| format!(", else {}", describe_expr(expr, input)));
            marked(format!("shifted({} by {by}{})", describe_expr(argument, input), default.unwrap_or_default()))
        }
        WindowFunction::Picked { argument, row } => {
            let row = match row {
                FrameRow::First => "first".to_owned(),
                FrameRow::Last => "last".to_owned(),
                FrameRow::Nth(number) => format!("row {number}"),
            };
            marked(format!("{row}({}) {}", describe_expr(argument, input), frame(call.frame)))
        }
        WindowFunction::Aggregate(aggregate) => {
            format!("{} {}", describe_call(aggregate, field, input), frame(call.frame))
        }
    }
}

fn number_name(number: RowNumber) -> String {
    match number {
        RowNumber::Row => "row_number".to_owned(),
        RowNumber::Rank => "rank".to_owned(),
        RowNumber::DenseRank => "dense_rank".to_owned(),
        RowNumber::PercentRank => "percent_rank".to_owned(),
        RowNumber::CumeDist => "cume_dist".to_owned(),
        RowNumber::Tile(tiles) => format!("ntile({tiles})"),
    }
}

fn frame(frame: Frame) -> String {
    let units = match frame.units {
        FrameUnits::Rows => "rows",
        FrameUnits::Peers => "peers",
        FrameUnits::Values => "values",
        FrameUnits::Groups => "groups",
    };
    let edge = |edge: FrameEdge| match edge {
        FrameEdge::Unbounded => "unbounded".to_owned(),
        FrameEdge::Offset(rows) => rows.to_string(),
    };
    format!("{units}[{}..{}]", edge(frame.start), edge(frame.end))
}
