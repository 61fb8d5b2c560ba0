//! Aggregation: calls become accumulators, each kept once. Not here: how results are made of them (`results.rs`).

use std::sync::Arc;

use super::StageSource;
use super::branches::{Branches, alike};
use super::cut::PipelineBuilder;
use super::join_keys::as_integer;
use super::resolve::{cast, halves, not, power_of_ten, scale_of};
use super::results::{ExtremeEncoding, ResultExpr, shift_unsigned};
use super::scope::{Column, OpenPipeline, repr_of};
use super::variance::squares_of;
use crate::column::{Dictionary, RowBound};
use crate::error::{Error, Result};
use crate::ir::{
    Accumulator, AccumulatorKind, AggregateCall, AggregateFunction, ArithmeticOp, Bounds, Constant, Expr, Failure,
    GroupKind, Origin, Register, Repr, Sink, Source, Type, Value, ValueKind,
};

/// Rows any sum is assumed to have at most: decides widths in place of the actual count, so that source stays the same.
const ROWS_MAX: i128 = 1 << 40;

/// Accumulators of an aggregation, each kept once.
#[derive(Default)]
pub(super) struct Accumulators {
    pub(super) list: Vec<Accumulator>,
    pub(super) bounds: Vec<Bounds>,
    identities: Vec<String>,
    /// Where they are columns of a table, the first of these; else they are those of groups.
    pub(super) first_column: Option<usize>,
}

impl Accumulators {
    pub(super) fn add(
        &mut self,
        kind: AccumulatorKind,
        value: Option<Value>,
        filter: Option<Value>,
        bounds: Bounds,
    ) -> usize {
        let identity = format!("{kind:?} {value:?} {filter:?}");
        if let Some(known) = self.identities.iter().position(|known| *known == identity) {
            return known;
        }
        self.identities.push(identity);
        self.list.push(Accumulator { kind, value, filter });
        self.bounds.push(bounds);
        self.list.len() - 1
    }

    /// Where a pipeline finds one.
    pub(super) fn origin(&self, number: usize) -> Origin {
        self.first_column.map_or(Origin::Accumulator(number), |first| Origin::Column(first + number))
    }

    fn count(&mut self, filter: Option<Value>) -> usize {
        self.add(AccumulatorKind::SumI64, None, filter, Bounds::new(0, i128::from(i64::MAX)))
    }
}

/// Keys and calls of an aggregation, resolved in one branch.
pub(super) struct Resolution {
    keys: Vec<Value>,
    key_columns: Vec<KeyColumn>,
    accumulators: Accumulators,
    results: Vec<ResultExpr>,
    /// The accumulator that counts all rows.
    rows: usize,
}

/// The pipeline over the groups of an aggregation, with their keys for columns, and what its results are made of.
pub(super) struct Grouped {
    pub(super) open: OpenPipeline,
    pub(super) accumulators: Accumulators,
    pub(super) results: Vec<ResultExpr>,
}

/// A key as a column of what is grouped.
struct KeyColumn {
    ty: Type,
    dictionary: Option<Arc<Dictionary>>,
    range: (i128, i128),
}

impl Resolution {
    /// `calls` adds what the calls take to the accumulators, and says how their results are made of them.
    pub(super) fn of(
        open: &mut OpenPipeline,
        keys: &[Expr],
        calls: impl FnOnce(&mut OpenPipeline, &mut Accumulators) -> Result<Vec<ResultExpr>>,
    ) -> Result<Self> {
        let (mut key_values, mut key_columns) = (Vec::new(), Vec::new());
        for key in keys {
            let resolved = open.resolve(key)?.comparable(key.ty)?;
            let value = if key.ty.is_float() { as_integer(resolved.value) } else { resolved.value };
            let range = open.range(&value);
            let register = open.keep(value);
            key_values.push(open.read(register));
            key_columns.push(KeyColumn { ty: key.ty, dictionary: resolved.dictionary, range });
        }
        let mut accumulators = Accumulators::default();
        let results = calls(open, &mut accumulators)?;
        let rows = accumulators.count(None);
        Ok(Self { keys: key_values, key_columns, accumulators, results, rows })
    }

    /// What has to be the same in all branches, as they fill one table.
    fn form(&self) -> impl PartialEq + use<> {
        let key = |(key, column): (&Value, &KeyColumn)| (key.repr, key.nullable, key.bounds, column.range);
        let keys: Vec<_> = self.keys.iter().zip(&self.key_columns).map(key).collect();
        let kinds: Vec<_> = self.accumulators.list.iter().map(|accumulator| accumulator.kind).collect();
        (keys, kinds, self.accumulators.bounds.clone())
    }
}

impl PipelineBuilder<'_> {
    pub(super) fn aggregate(&mut self, mut open: Branches, keys: &[Expr], calls: &[AggregateCall]) -> Result<Branches> {
        if calls.iter().any(|call| call.distinct) {
            return self.aggregate_distinct(&open, keys, calls);
        }
        let resolved = open.each(|open| {
            Resolution::of(open, keys, |open, accumulators| results_of(open, calls, keys.is_empty(), accumulators))
        })?;
        self.group(open, resolved)?.put_out()
    }

    /// Ends pipelines at a table of groups, and opens the one that reads it.
    pub(super) fn group(&mut self, open: Branches, mut resolved: Vec<Resolution>) -> Result<Grouped> {
        alike(resolved.iter().map(Resolution::form))?;
        let first = &resolved[0];
        let mut plan = self.group_table(&open, &first.keys, &first.accumulators.list, Some(first.rows));
        let rows = first.rows;
        if !counts_needed(plan.table.kind)
            && !first.results.iter().any(|made| made.accumulator == rows || made.count == Some(rows))
        {
            resolved.iter_mut().for_each(|resolved| drop(resolved.accumulators.list.pop()));
            plan.table.accumulators.pop();
            plan.table.row_count = None;
        }
        let source = Source::Groups(plan.table.clone());
        let (slots, can_grow) = (plan.slots, plan.slots < plan.slots_max);
        let number = self.groups.len();
        let shapes = plan.table.keys.clone();
        self.groups.push(plan);
        let groups = self.groups[number].table.clone();
        for (open, resolved) in open.into_vec().into_iter().zip(&resolved) {
            let (keys, accumulators) = (resolved.keys.clone(), resolved.accumulators.list.clone());
            self.close(open, Sink::Aggregate { groups: groups.clone(), keys, accumulators }, Some(number), None);
        }
        let Some(Resolution { key_columns, accumulators, results, .. }) = resolved.into_iter().next() else {
            return Err(Error::internal("an aggregation without a pipeline"));
        };

        let mut grouped = OpenPipeline::groups(StageSource::Groups(number), source, slots, can_grow);
        for (part, KeyColumn { ty, dictionary, range }) in key_columns.into_iter().enumerate() {
            let shape = shapes[part];
            let origin = Origin::GroupKey(part);
            let register = grouped.add_register(Register {
                repr: shape.repr,
                nullable: shape.nullable,
                bounds: shape.bounds,
                origin,
            });
            let unique = shapes.len() == 1;
            if ty.is_float() {
                let key = grouped.float_of_key(register, ty);
                grouped.columns.push(Column { register: key, ty, dictionary, range: None, tail: None, unique });
                continue;
            }
            grouped.columns.push(Column { register, ty, dictionary, range: Some(range), tail: None, unique });
        }
        Ok(Grouped { open: grouped, accumulators, results })
    }
}

impl Grouped {
    /// With the results of the calls behind the keys.
    pub(super) fn put_out(mut self) -> Result<Branches> {
        for made in self.results {
            let column = self.open.result(&made, &self.accumulators)?;
            self.open.columns.push(column);
        }
        Ok(self.open.into())
    }
}

/// Whether a slot's existence is known only from its row count.
fn counts_needed(kind: GroupKind) -> bool {
    matches!(kind, GroupKind::Private | GroupKind::Direct | GroupKind::BuildRow { .. })
}

/// Adds the accumulators of calls, as [`result_of`] does.
pub(super) fn results_of(
    open: &mut OpenPipeline,
    calls: &[AggregateCall],
    ungrouped: bool,
    accumulators: &mut Accumulators,
) -> Result<Vec<ResultExpr>> {
    calls.iter().map(|call| result_of(open, call, ungrouped, accumulators)).collect()
}

/// Adds the accumulators of a call. `ungrouped`: whether it may be of no row at all.
pub(super) fn result_of(
    open: &mut OpenPipeline,
    call: &AggregateCall,
    ungrouped: bool,
    accumulators: &mut Accumulators,
) -> Result<ResultExpr> {
    let filter = call.filter.as_ref().map(|filter| open.resolve_value(filter)).transpose()?;
    let Some(argument) = &call.argument else {
        let accumulator = accumulators.count(filter);
        return Ok(plain(call, accumulator, None));
    };
    let resolved = open.resolve(argument)?;
    let value = resolved.value.clone();
    let sometimes = value.nullable || filter.is_some() || ungrouped;
    let counted = |accumulators: &mut Accumulators| {
        let known = value.nullable.then(|| not(Value::bool(ValueKind::IsNull(Box::new(value.clone())), false)));
        accumulators.count(both(filter.clone(), known))
    };
    if call.function == AggregateFunction::Count {
        let accumulator = counted(accumulators);
        return Ok(plain(call, accumulator, None));
    }
    let resolved = resolved.comparable(argument.ty)?;
    let is_mean = call.function == AggregateFunction::Avg;
    let is_variance = matches!(call.function, AggregateFunction::Variance { .. });
    let count = (sometimes || is_mean || is_variance).then(|| counted(accumulators));
    if is_variance {
        let (accumulator, squares) = squares_of(open, value, filter.as_ref(), accumulators)?;
        let made = plain(call, accumulator, count);
        return Ok(ResultExpr { argument: argument.ty, squares: Some(squares), ..made });
    }
    let long_mean = is_mean && is_long_mean(&resolved.value, argument.ty, call.ty)?;
    let extreme_of = matches!(call.function, AggregateFunction::Min | AggregateFunction::Max);
    let (value, low) = if extreme_of || !may_wrap(&value) {
        (value, None)
    } else {
        let register = open.keep(value);
        let (high, low) = halves(&open.read(register));
        (high, Some(low))
    };
    let (kind, value, bounds, encoding) =
        if extreme_of { extreme(call.function, value, argument.ty)? } else { sum(value, argument.ty)? };
    let accumulator = accumulators.add(kind, Some(value), filter.clone(), bounds);
    let low = low
        .map(|low| {
            let (kind, value, bounds, _) = sum(low, argument.ty)?;
            Ok::<_, Error>(accumulators.add(kind, Some(value), filter, bounds))
        })
        .transpose()?;
    Ok(ResultExpr {
        function: call.function,
        accumulator,
        low,
        long_mean,
        squares: None,
        count,
        argument: argument.ty,
        result: call.ty,
        encoding,
        dictionary: resolved.dictionary,
    })
}

fn plain(call: &AggregateCall, accumulator: usize, count: Option<usize>) -> ResultExpr {
    ResultExpr {
        function: call.function,
        accumulator,
        low: None,
        long_mean: false,
        squares: None,
        count,
        argument: call.ty,
        result: call.ty,
        encoding: ExtremeEncoding::Same,
        dictionary: None,
    }
}

/// True where both are. No AND: the test of a value is evaluated only for rows that pass the filter, which a NULL
/// filter does not stop an AND from doing, and the value may fail for others.
fn both(filter: Option<Value>, test: Option<Value>) -> Option<Value> {
    match (filter, test) {
        (Some(filter), Some(test)) => {
            let nullable = test.nullable;
            let no = Value::bool(ValueKind::Constant(Constant::Bool(false)), false);
            let kind = ValueKind::Case { branches: vec![(filter, test)], otherwise: Some(Box::new(no)) };
            Some(Value::bool(kind, nullable))
        }
        (one, other) => one.or(other),
    }
}

pub(super) type Accumulated = (AccumulatorKind, Value, Bounds, ExtremeEncoding);

/// Bounds of a sum of values, or `None` where it may leave 128 bits.
fn total(value: &Value) -> Option<Bounds> {
    value.bounds.union(Bounds::new(0, 0)).times(Bounds::new(1, ROWS_MAX))
}

/// Whether the sum of a decimal's values, at the scale of their mean, may pass 128 bits.
fn is_long_mean(value: &Value, argument: Type, result: Type) -> Result<bool> {
    if !argument.is_decimal() {
        return Ok(false);
    }
    let power = power_of_ten(scale_of(result) - scale_of(argument))?;
    Ok(matches!(result, Type::WideDecimal { .. })
        || total(value).and_then(|total| total.times(Bounds::new(power, power))).is_none())
}

fn may_wrap(value: &Value) -> bool {
    value.repr == Repr::Int && total(value).is_none()
}

pub(super) fn sum(value: Value, ty: Type) -> Result<Accumulated> {
    if ty.is_float() {
        let value = cast(value, ty, Type::FLOAT64, Failure::Cast)?;
        return Ok((AccumulatorKind::SumF64, value, Bounds::new(0, 0), ExtremeEncoding::Same));
    }
    let bounds = total(&value).ok_or_else(|| Error::internal("a sum that may wrap is summed by halves"))?;
    let kind = if bounds.fits_signed(64) { AccumulatorKind::SumI64 } else { AccumulatorKind::SumI128 };
    Ok((kind, value, bounds, ExtremeEncoding::Same))
}

fn extreme(function: AggregateFunction, value: Value, ty: Type) -> Result<Accumulated> {
    let kind = if function == AggregateFunction::Min { AccumulatorKind::MinI64 } else { AccumulatorKind::MaxI64 };
    let nullable = value.nullable;
    let bounds = value.bounds;
    let i64_bounds = Bounds::of_type(Type::INT64);
    Ok(match value.repr {
        Repr::F32 | Repr::F64 => (
            kind,
            Value::int(ValueKind::OrderOfFloat(Box::new(value)), nullable, i64_bounds),
            i64_bounds,
            ExtremeEncoding::Float,
        ),
        Repr::Bool => {
            (kind, Value::int(ValueKind::BoolToInt(Box::new(value)), nullable, bounds), bounds, ExtremeEncoding::Bool)
        }
        Repr::Int if bounds.fits_signed(64) => (kind, value, bounds, ExtremeEncoding::Same),
        Repr::Int if ty == (Type::Int { bytes: 8, signed: false }) => {
            let shifted = shift_unsigned(value, ArithmeticOp::Subtract)?;
            (kind, shifted, i64_bounds, ExtremeEncoding::Unsigned)
        }
        Repr::Int if function == AggregateFunction::Min => {
            (AccumulatorKind::MinI128, value, bounds, ExtremeEncoding::Same)
        }
        Repr::Int => (AccumulatorKind::MaxI128, value, bounds, ExtremeEncoding::Same),
    })
}

impl OpenPipeline {
    /// The float that a group key stands for.
    fn float_of_key(&mut self, key: usize, ty: Type) -> usize {
        let key = self.read(key);
        let (repr, nullable) = (repr_of(ty), key.nullable);
        self.keep(Value::float(ValueKind::FloatOfOrder(Box::new(key)), repr, nullable))
    }

    /// A pipeline over the groups of an aggregation, whose number is an estimate where its table can grow.
    fn groups(stage_source: StageSource, source: Source, slots: u64, can_grow: bool) -> Self {
        Self {
            stage_source,
            source,
            registers: Vec::new(),
            steps: Vec::new(),
            columns: Vec::new(),
            lookups: Vec::new(),
            probes: Vec::new(),
            rows: if can_grow { RowBound::Guess(slots) } else { RowBound::AtMost(slots) },
        }
    }
}
