//! Windows: what a pipeline writes out for them, and what the next one reads.
//!
//! A pipeline ends where a window begins. It writes out of each row what is read behind the window, the keys, what the functions
//! are of, and by its partition keys which part it is of; rows of one part are sorted together and the functions' columns are
//! made beside them (`operators/windows`). The next pipeline reads both as a table. An aggregate is accumulators again: as many
//! as a group would have, kept a row. Here is what goes out and comes in; what functions make is in `made.rs`. Not here: how a
//! sort's keys are packed (`sort.rs`).

mod made;
mod plan;

use self::made::{CallResult, column_of, made_of, state};
pub use self::plan::{Made, MadeKind, OrderKey, WindowPlan};
use super::StageSource;
use super::aggregate::Accumulators;
use super::branches::{Branches, alike};
use super::cut::PipelineBuilder;
use super::join_keys::as_integer;
use super::scope::{Column, OpenPipeline};
use super::sort::{self, ResolvedKey, SortPlan};
use super::spill::{RowsPlan, RowsReading, column_shape};
use crate::column::RowBound;
use crate::error::{Error, Result};
use crate::ir::{
    Bounds, EmitColumn, Expr, Frame, FrameUnits, Origin, PARTS_MAX, PayloadShape, Register, Repr, Sink, SortKey,
    Source, Type, Value, ValueKind, WindowCall,
};

/// What one branch writes out, and what that means.
struct Written {
    columns: Vec<EmitColumn>,
    plan: WindowPlan,
    results: Vec<CallResult>,
    /// Accumulators of each frame, and the first column that is made of them.
    accumulators: Vec<(Frame, Accumulators, usize)>,
    /// The input's columns.
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
        let distances =
            made.iter().any(|made| made.kind.frame().is_some_and(|frame| frame.units == FrameUnits::Values));
        let distances = distances.then(|| order_key(open, &order, &mut columns)).transpose()?;
        columns.emitted.push(part_of(open, &partition));
        let plan = WindowPlan { sort, partition_pieces, distances, carried, made };
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

    /// A window's keys have no digits behind their registers: all are as narrow as their values.
    fn sorted_by(&mut self, open: &OpenPipeline, keys: &[ResolvedKey]) -> SortPlan {
        let narrow = |key: &Column, open: &OpenPipeline| PayloadShape::narrow(&open.read(key.register));
        sort::plan_placed(open, keys, narrow, |_, value, _, _| self.place(value))
    }
}

/// The one key of an order that distances are of.
fn order_key(open: &OpenPipeline, order: &[ResolvedKey], columns: &mut Columns) -> Result<OrderKey> {
    let [key] = order else { return Err(Error::internal("a distance from several keys")) };
    let mut registers = key.registers();
    let (Some(register), None) = (registers.next(), registers.next()) else {
        return Err(Error::internal("a distance from a key of several registers"));
    };
    let value = open.read(register);
    if value.repr != Repr::Int {
        return Err(Error::internal("a distance from what is no integer"));
    }
    Ok(OrderKey { column: columns.place(value), descending: key.descending(), nulls_first: key.nulls_first() })
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
