//! The columns that window functions make, and what they are made of: accumulators for aggregates, values of other rows, numbers.

use std::sync::Arc;

use super::Columns;
use super::plan::{Made, MadeKind};
use crate::column::Dictionary;
use crate::error::{Error, Result};
use crate::ir::{
    Accumulator, AccumulatorKind, AggregateCall, Bounds, Expr, ExprKind, Frame, IntWidth, Origin, PayloadShape,
    Register, Repr, RowNumber, Type, Value, ValueKind, WindowCall, WindowFunction,
};
use crate::strategy::aggregate::{Accumulators, result_of};
use crate::strategy::cut::project;
use crate::strategy::results::ResultExpr;
use crate::strategy::scope::{Column, OpenPipeline};

/// More rows than a partition has.
const ROWS_MAX: i128 = 1 << 40;

/// How a call's column comes of what is made.
pub(super) enum CallResult {
    /// It is a made column.
    Column { made: usize, ty: Type, dictionary: Option<Arc<Dictionary>>, bounds: Bounds },
    /// It is one where another says so, else a constant.
    Defaulted { column: Box<CallResult>, exists: usize, default: Expr },
    /// It is made of accumulators: of which, and how.
    Aggregate { accumulators: usize, result: Box<ResultExpr> },
}

/// What a call makes, behind what others have made.
pub(super) fn made_of(
    open: &mut OpenPipeline,
    call: &WindowCall,
    columns: &mut Columns,
    made: &mut Vec<Made>,
    frames: &mut Vec<(Frame, Accumulators, usize)>,
) -> Result<CallResult> {
    let word = |repr| PayloadShape { repr, width: IntWidth::W64, nullable: false };
    let mut make = |kind: MadeKind, shape: PayloadShape| {
        made.push(Made { kind, shape });
        made.len() - 1
    };
    Ok(match &call.function {
        WindowFunction::Number(number) => {
            let is_share = matches!(number, RowNumber::PercentRank | RowNumber::CumeDist);
            let repr = if is_share { Repr::F64 } else { Repr::Int };
            let made = make(MadeKind::Number(*number), word(repr));
            CallResult::Column { made, ty: call.ty, dictionary: None, bounds: Bounds::new(0, ROWS_MAX) }
        }
        WindowFunction::Picked { argument, row } => {
            let (column, shape, bounds, dictionary) = argument_of(open, argument, columns)?;
            let made = make(MadeKind::Picked { column, row: *row, frame: call.frame }, shape);
            CallResult::Column { made, ty: call.ty, dictionary, bounds }
        }
        WindowFunction::Shifted { argument, by, default } => {
            let (column, shape, bounds, dictionary) = argument_of(open, argument, columns)?;
            let place = make(MadeKind::Shifted { column, by: *by }, shape);
            let column = CallResult::Column { made: place, ty: call.ty, dictionary, bounds };
            match default {
                None => column,
                Some(default) => {
                    let exists = PayloadShape { repr: Repr::Bool, width: IntWidth::W8, nullable: false };
                    let exists = make(MadeKind::Exists { by: *by }, exists);
                    CallResult::Defaulted { column: Box::new(column), exists, default: default.clone() }
                }
            }
        }
        WindowFunction::Aggregate(aggregate) => aggregate_of(open, aggregate, call.frame, frames)?,
    })
}

/// The accumulators of a call, with those of others over the same frame.
fn aggregate_of(
    open: &mut OpenPipeline,
    call: &AggregateCall,
    frame: Frame,
    frames: &mut Vec<(Frame, Accumulators, usize)>,
) -> Result<CallResult> {
    let place = frames.iter().position(|(known, ..)| *known == frame).unwrap_or_else(|| {
        frames.push((frame, Accumulators::default(), 0));
        frames.len() - 1
    });
    // A frame may have no row, as a table without groups.
    let result = Box::new(result_of(open, call, true, &mut frames[place].1)?);
    Ok(CallResult::Aggregate { accumulators: place, result })
}

type Argument = (usize, PayloadShape, Bounds, Option<Arc<Dictionary>>);

/// A value that is taken of another row: where it is written, and how it comes back. Where there is no such row, 0 stands
/// under the NULL.
fn argument_of(open: &mut OpenPipeline, argument: &Expr, columns: &mut Columns) -> Result<Argument> {
    let column = project(open, argument)?;
    if column.tail.is_some() {
        return Err(Error::Refused("a decimal of more than 38 digits is taken of another row".to_owned()));
    }
    let value = open.read(column.register);
    let bounds = value.bounds.union(Bounds::new(0, 0));
    let place = columns.place(value);
    let shape = PayloadShape { nullable: true, ..columns.emitted[place].shape };
    Ok((place, shape, bounds, column.dictionary))
}

/// An accumulator a row. What its filter leaves out counts as nothing.
pub(super) fn state(accumulator: &Accumulator, frame: Frame, columns: &mut Columns) -> Made {
    let one = Value { bounds: Bounds::new(0, 1), ..Value::constant(1) };
    let zero = Value { bounds: Bounds::new(0, 1), ..Value::constant(0) };
    let case = |filter: &Value, value: Value, otherwise: Option<Box<Value>>| {
        let (repr, nullable, bounds) = (value.repr, value.nullable || otherwise.is_none(), value.bounds);
        Value::new(ValueKind::Case { branches: vec![(filter.clone(), value)], otherwise }, repr, nullable, bounds)
    };
    let value = match (&accumulator.value, &accumulator.filter) {
        (None, None) => None,
        (None, Some(filter)) => Some(case(filter, one, Some(Box::new(zero)))),
        (Some(value), Some(filter)) => Some(case(filter, value.clone(), None)),
        (Some(value), None) => Some(value.clone()),
    };
    let kind = accumulator.kind;
    let (repr, width) = match kind {
        AccumulatorKind::SumF64 => (Repr::F64, IntWidth::W64),
        AccumulatorKind::SumI128 | AccumulatorKind::MinI128 | AccumulatorKind::MaxI128 => (Repr::Int, IntWidth::W128),
        AccumulatorKind::SumI64 | AccumulatorKind::MinI64 | AccumulatorKind::MaxI64 => (Repr::Int, IntWidth::W64),
    };
    let column = value.map(|value| columns.place(value));
    Made { kind: MadeKind::State { kind, column, frame }, shape: PayloadShape { repr, width, nullable: false } }
}

/// A call's column, in the pipeline that reads what was made.
pub(super) fn column_of(
    open: &mut OpenPipeline,
    result: &CallResult,
    (made, first): (&[Made], usize),
    accumulators: &[(Frame, Accumulators, usize)],
) -> Result<Column> {
    match result {
        CallResult::Column { made: number, ty, dictionary, bounds } => {
            let PayloadShape { repr, nullable, .. } = made[*number].shape;
            let origin = Origin::Column(first + number);
            let register = open.add_register(Register { repr, nullable, bounds: *bounds, origin });
            Ok(Column { register, ty: *ty, dictionary: dictionary.clone(), range: None, tail: None, unique: false })
        }
        CallResult::Defaulted { column, exists, default } => {
            let value = column_of(open, column, (made, first), accumulators)?;
            let ty = value.ty;
            let origin = Origin::Column(first + exists);
            let (repr, bounds) = (Repr::Bool, Bounds::new(0, 1));
            let register = open.add_register(Register { repr, nullable: false, bounds, origin });
            let exists = Column { register, ty: Type::Bool, dictionary: None, range: None, tail: None, unique: false };
            // An expression over these two, which are all the columns there are for as long.
            open.columns = vec![exists, value];
            let branches = vec![(Expr::column(0, Type::Bool, false), Expr::column(1, ty, true))];
            let kind = ExprKind::Case { branches, otherwise: Some(Box::new(default.clone())) };
            project(open, &Expr::new(kind, ty, true))
        }
        CallResult::Aggregate { accumulators: number, result } => open.result(result, &accumulators[*number].1),
    }
}
