//! Windows: what a pipeline writes out for them, and what the next one reads.
//!
//! A pipeline ends where a window begins. It writes out of each row what is read behind the window, the keys, what the functions
//! are of, and by its partition keys which part it is of; rows of one part are sorted together and the functions' columns are
//! made beside them (`operators/windows`). The next pipeline reads both as a table. An aggregate is accumulators again: as many
//! as a group would have, kept a row. Not here: how a sort's keys are packed (`sort.rs`).

use std::sync::Arc;

use super::aggregate::{Accumulators, result_of};
use super::branches::{Branches, alike};
use super::cut::{PipelineBuilder, project};
use super::join_keys::as_integer;
use super::results::ResultExpr;
use super::scope::{Column, OpenPipeline};
use super::sort::{self, ResolvedKey, SortPlan};
use super::spill::{RowsPlan, RowsReading, column_shape};
use super::{OutputColumn, StageSource};
use crate::column::{Dictionary, RowBound};
use crate::error::{Error, Result};
use crate::ir::{
    Accumulator, AccumulatorKind, AggregateCall, Bounds, EmitColumn, Expr, ExprKind, Frame, FrameRow, IntWidth, Origin,
    PARTS_MAX, PayloadShape, Register, Repr, RowNumber, Sink, SortKey, Source, Type, Value, ValueKind, WindowCall,
    WindowFunction,
};

/// More rows than a partition has.
const ROWS_MAX: i128 = 1 << 40;

/// What is made of rows that were written out for a window.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowPlan {
    /// By partition and within it: over the written columns.
    pub sort: SortPlan,
    /// How many pieces of the sort, from the first on, are of partition keys.
    pub partition_pieces: usize,
    /// The written columns that are read behind the window.
    pub carried: Vec<usize>,
    /// What is made beside them, and read behind them.
    pub made: Vec<Made>,
}

/// A column that is made beside the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub kind: MadeKind,
    pub shape: PayloadShape,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MadeKind {
    Number(RowNumber),
    /// Whether the partition has the row so many further on.
    Exists {
        by: i64,
    },
    /// The value of a written column there.
    Shifted {
        column: usize,
        by: i64,
    },
    /// That of a row of the frame.
    Picked {
        column: usize,
        row: FrameRow,
        frame: Frame,
    },
    /// An accumulator over the frame: of a written column, or a one for each row.
    State {
        kind: AccumulatorKind,
        column: Option<usize>,
        frame: Frame,
    },
}

impl MadeKind {
    /// The written column that it is made of.
    pub fn column(self) -> Option<usize> {
        match self {
            MadeKind::Number(_) | MadeKind::Exists { .. } => None,
            MadeKind::Shifted { column, .. } | MadeKind::Picked { column, .. } => Some(column),
            MadeKind::State { column, .. } => column,
        }
    }

    fn column_mut(&mut self) -> Option<&mut usize> {
        match self {
            MadeKind::Number(_) | MadeKind::Exists { .. } => None,
            MadeKind::Shifted { column, .. } | MadeKind::Picked { column, .. } => Some(column),
            MadeKind::State { column, .. } => column.as_mut(),
        }
    }
}

impl WindowPlan {
    /// Drops what nobody reads behind the window. Which of `written` columns are still needed, the last among them.
    pub(super) fn prune(&mut self, read: &std::collections::BTreeSet<usize>, written: usize) -> Vec<bool> {
        let carried = self.carried.len();
        let mut number = 0;
        let mut is_read = |_: &_| {
            number += 1;
            read.contains(&(number - 1))
        };
        self.carried.retain(|column| is_read(column));
        let mut number = carried;
        self.made.retain(|_| {
            number += 1;
            read.contains(&(number - 1))
        });
        let mut needed = vec![false; written];
        let sorted_by = self.sort.pieces.iter().map(|piece| piece.column);
        let made_of = self.made.iter().filter_map(|made| made.kind.column());
        let last = written.checked_sub(1);
        sorted_by
            .chain(made_of)
            .chain(self.carried.iter().copied())
            .chain(last)
            .for_each(|column| needed[column] = true);
        let place = |column: usize| needed[..column].iter().filter(|needed| **needed).count();
        self.carried.iter_mut().for_each(|column| *column = place(*column));
        self.sort.pieces.iter_mut().for_each(|piece| piece.column = place(piece.column));
        self.made.iter_mut().filter_map(|made| made.kind.column_mut()).for_each(|column| *column = place(*column));
        needed
    }
}

/// How a call's column comes of what is made.
enum CallResult {
    /// It is a made column.
    Column { made: usize, ty: Type, dictionary: Option<Arc<Dictionary>>, bounds: Bounds },
    /// It is one where another says so, else a constant.
    Defaulted { column: Box<CallResult>, exists: usize, default: Expr },
    /// It is made of accumulators: of which, and how.
    Aggregate { accumulators: usize, result: Box<ResultExpr> },
}

/// What one branch writes out, and what that means.
struct Written {
    columns: Vec<EmitColumn>,
    plan: WindowPlan,
    results: Vec<CallResult>,
    /// Accumulators of each frame, and the first column that is made of them.
    accumulators: Vec<(Frame, Accumulators, usize)>,
    handed: Vec<Handed>,
}

/// A column of the input, which is one behind the window.
struct Handed {
    column: Column,
    /// Its register, and the column that it was written as.
    written: (Register, usize),
    /// The same of the digits that follow it.
    tail: Option<(Register, usize)>,
}

impl PipelineBuilder<'_> {
    /// Ends pipelines at a window, and opens the one behind it.
    pub(super) fn window(
        &mut self,
        mut open: Branches,
        (partition_by, order_by): (&[Expr], &[SortKey]),
        calls: &[WindowCall],
    ) -> Result<Branches> {
        let (rows, is_only) = (open.rows(), open.only().is_some());
        let written = open.each(|open| Written::of(open, (partition_by, order_by), calls))?;
        alike(written.iter().map(Written::form))?;
        let number = self.rows.len();
        for (open, written) in open.into_vec().into_iter().zip(&written) {
            if let Some(text) = written.columns.iter().find(|column| is_reference(&open, column)) {
                return Err(Error::Refused(format!("a text without a dictionary goes through a window: {text:?}")));
            }
            self.close(open, Sink::Emit { columns: written.columns.clone() }, None, None);
            if let Some(stage) = self.stages.last_mut() {
                stage.rows = Some(number);
            }
        }
        let written = written.into_iter().next().ok_or_else(|| Error::internal("a window without a pipeline"))?;
        let columns = written.columns.iter().map(|column| column.shape).collect();
        self.rows.push(RowsPlan { columns, reading: RowsReading::Windows(written.plan.clone()) });
        let rows = if rows.is_guess() { rows } else { RowBound::AtMost(rows.rows()) };
        written.read(StageSource::Rows(number), rows, is_only).map(Branches::from)
    }
}

/// Whether a written column refers to texts.
fn is_reference(open: &OpenPipeline, column: &EmitColumn) -> bool {
    let refers = |known: &Column| known.ty == Type::Text && known.dictionary.is_none();
    let ValueKind::Register(register) = column.value.kind else { return false };
    open.columns.iter().any(|known| known.register == register && refers(known))
}

impl Written {
    fn of(
        open: &mut OpenPipeline,
        (partition_by, order_by): (&[Expr], &[SortKey]),
        calls: &[WindowCall],
    ) -> Result<Self> {
        let mut columns = Columns::default();
        let handed = open.columns.clone().into_iter().map(|column| handed(open, column, &mut columns)).collect();
        let carried = (0..columns.emitted.len()).collect();
        let ascending = |expr: &Expr| SortKey { expr: expr.clone(), descending: false, nulls_first: false };
        let partition: Vec<SortKey> = partition_by.iter().map(ascending).collect();
        let partition = sort::resolve(open, &partition)?;
        let order = sort::resolve(open, order_by)?;
        let mut sort = columns.sorted_by(open, &partition);
        let partition_pieces = sort.pieces.len();
        sort.pieces.extend(columns.sorted_by(open, &order).pieces);

        let mut frames: Vec<(Frame, Accumulators, usize)> = Vec::new();
        let mut made = Vec::new();
        let results = calls
            .iter()
            .map(|call| made_of(open, call, &mut columns, &mut made, &mut frames))
            .collect::<Result<Vec<_>>>()?;
        for (frame, accumulators, first) in &mut frames {
            *first = made.len();
            made.extend(accumulators.list.iter().map(|accumulator| state(accumulator, *frame, &mut columns)));
        }
        columns.emitted.push(part_of(open, &partition));
        let plan = WindowPlan { sort, partition_pieces, carried, made };
        Ok(Self { columns: columns.emitted, plan, results, accumulators: frames, handed })
    }

    /// What has to be the same in all branches, as they are read as one table.
    fn form(&self) -> impl PartialEq + use<> {
        let shapes: Vec<PayloadShape> = self.columns.iter().map(|column| column.shape).collect();
        let bounds: Vec<Vec<Bounds>> = self.accumulators.iter().map(|(_, states, _)| states.bounds.clone()).collect();
        (shapes, self.plan.clone(), bounds)
    }

    /// The pipeline that reads the rows with what was made beside them.
    fn read(self, source: StageSource, rows: RowBound, is_only: bool) -> Result<OpenPipeline> {
        let carried = self.plan.carried.iter().map(|column| self.columns[*column].shape);
        let shapes: Vec<PayloadShape> = carried.chain(self.plan.made.iter().map(|made| made.shape)).collect();
        let mut open = OpenPipeline {
            stage_source: source,
            source: Source::Table { columns: shapes.iter().map(column_shape).collect() },
            registers: vec![],
            steps: vec![],
            columns: vec![],
            lookups: vec![],
            probes: vec![],
            rows,
        };
        let mut columns = Vec::with_capacity(self.handed.len() + self.results.len());
        for Handed { column, written, tail } in self.handed {
            let mut read = |(register, at): (Register, usize)| {
                open.add_register(Register { origin: Origin::Column(at), ..register })
            };
            let register = read(written);
            let tail = tail.map(read).zip(column.tail).map(|(register, (_, power))| (register, power));
            let unique = column.unique && is_only;
            columns.push(Column { register, tail, unique, ..column });
        }
        let first_made = self.plan.carried.len();
        let mut accumulators = self.accumulators;
        for (_, states, first) in &mut accumulators {
            states.first_column = Some(first_made + *first);
        }
        for result in &self.results {
            columns.push(column_of(&mut open, result, (&self.plan.made, first_made), &accumulators)?);
        }
        open.columns = columns;
        Ok(open)
    }
}

/// The columns that are written, each once.
#[derive(Default)]
struct Columns {
    emitted: Vec<EmitColumn>,
}

impl Columns {
    fn place(&mut self, value: Value) -> usize {
        let shape = PayloadShape::narrow(&value);
        let known = self.emitted.iter().position(|column| column.value == value && column.shape == shape);
        known.unwrap_or_else(|| {
            self.emitted.push(EmitColumn { value, shape });
            self.emitted.len() - 1
        })
    }

    fn sorted_by(&mut self, open: &OpenPipeline, keys: &[ResolvedKey]) -> SortPlan {
        // What they mean is nothing to who sorts.
        let mut meanings: Vec<OutputColumn> = vec![];
        sort::plan_narrow(open, keys, &mut self.emitted, &mut meanings)
    }
}

fn handed(open: &OpenPipeline, column: Column, columns: &mut Columns) -> Handed {
    let mut write = |register: usize| (open.registers[register].clone(), columns.place(open.read(register)));
    let written = write(column.register);
    let tail = column.tail.map(|(register, _)| write(register));
    Handed { column, written, tail }
}

/// Which part a row is of: all rows of a partition are of one.
fn part_of(open: &OpenPipeline, partition: &[ResolvedKey]) -> EmitColumn {
    let keys: Vec<Value> =
        partition.iter().flat_map(|key| key.registers()).map(|register| as_integer(open.read(register))).collect();
    let bounds = Bounds::new(0, i128::from(PARTS_MAX) - 1);
    let value = match keys.is_empty() {
        true => Value { bounds, ..Value::constant(0) },
        false => Value::int(ValueKind::PartOf(keys), false, bounds),
    };
    EmitColumn { shape: PayloadShape::narrow(&value), value }
}

fn made_of(
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
fn state(accumulator: &Accumulator, frame: Frame, columns: &mut Columns) -> Made {
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

fn column_of(
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
