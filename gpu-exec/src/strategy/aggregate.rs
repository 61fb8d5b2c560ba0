//! Aggregation: calls become accumulators, each kept once, and expressions over them that finish the result.

use std::sync::Arc;

use super::StageSource;
use super::cut::PipelineBuilder;
use super::resolve::{arithmetic, cast, halves, joined_halves, narrow, not, power_of_ten, rescale, scale_of};
use super::scope::{Column, OpenPipeline, repr_of};
use crate::column::{Dictionary, RowBound};
use crate::error::{Error, Result};
use crate::ir::{
    Accumulator, AccumulatorKind, AggregateCall, AggregateFunction, ArithmeticOp, Bounds, CompareOp, Constant, Expr,
    Failure, GroupKind, MeanPart, Origin, Register, Repr, Sink, Source, Type, Value, ValueKind,
};

/// Rows any sum is assumed to have at most: decides widths in place of the actual count, so that source stays the same.
const ROWS_MAX: i128 = 1 << 40;

/// How a call's result is made of accumulators.
struct ResultExpr {
    function: AggregateFunction,
    accumulator: usize,
    /// Sums the low halves of values whose total may pass 128 bits on the way; `accumulator` then sums the high ones.
    low: Option<usize>,
    /// A mean whose sum may pass 128 bits, on the way or once it has all the mean's digits: see [`ValueKind::Mean`].
    long_mean: bool,
    /// Counts the values that went in; `None` where every group has one.
    count: Option<usize>,
    argument: Type,
    result: Type,
    encoding: ExtremeEncoding,
    dictionary: Option<Arc<Dictionary>>,
}

/// What MIN and MAX compared in place of the values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ExtremeEncoding {
    Same,
    Float,
    Bool,
    /// Unsigned 64-bit values were compared 2^63 lower.
    Unsigned,
}

/// Accumulators of an aggregation, each kept once.
#[derive(Default)]
struct Accumulators {
    list: Vec<Accumulator>,
    bounds: Vec<Bounds>,
    identities: Vec<String>,
}

impl Accumulators {
    fn add(&mut self, kind: AccumulatorKind, value: Option<Value>, filter: Option<Value>, bounds: Bounds) -> usize {
        let identity = format!("{kind:?} {value:?} {filter:?}");
        if let Some(known) = self.identities.iter().position(|known| *known == identity) {
            return known;
        }
        self.identities.push(identity);
        self.list.push(Accumulator { kind, value, filter });
        self.bounds.push(bounds);
        self.list.len() - 1
    }

    fn count(&mut self, filter: Option<Value>) -> usize {
        self.add(AccumulatorKind::SumI64, None, filter, Bounds::new(0, i128::from(i64::MAX)))
    }
}

impl PipelineBuilder<'_> {
    pub(super) fn aggregate(
        &mut self,
        mut open: OpenPipeline,
        keys: &[Expr],
        calls: &[AggregateCall],
    ) -> Result<OpenPipeline> {
        let mut key_values = Vec::new();
        let mut key_columns = Vec::new();
        for key in keys {
            let resolved = open.resolve(key)?.comparable(key.ty)?;
            let range = open.range(&resolved.value);
            let register = open.keep(resolved.value);
            key_values.push(open.read(register));
            key_columns.push((key.ty, resolved.dictionary, range));
        }
        let mut accumulators = Accumulators::default();
        let results = calls
            .iter()
            .map(|call| result_of(&mut open, call, keys.is_empty(), &mut accumulators))
            .collect::<Result<Vec<_>>>()?;
        let rows = accumulators.count(None);
        let mut plan = self.group_table(&open, &key_values, &accumulators.list, Some(rows));
        if !counts_needed(plan.table.kind)
            && !results.iter().any(|made| made.accumulator == rows || made.count == Some(rows))
        {
            accumulators.list.pop();
            plan.table.accumulators.pop();
            plan.table.row_count = None;
        }
        let source = Source::Groups(plan.table.clone());
        let sink = Sink::Aggregate {
            groups: plan.table.clone(),
            keys: key_values.clone(),
            accumulators: accumulators.list.clone(),
        };
        let (slots, can_grow) = (plan.slots, plan.slots < plan.slots_max);
        let number = self.groups.len();
        let shapes = plan.table.keys.clone();
        self.groups.push(plan);
        self.close(open, sink, Some(number), None);

        let mut grouped = OpenPipeline::groups(StageSource::Groups(number), source, slots, can_grow);
        for (part, (ty, dictionary, range)) in key_columns.into_iter().enumerate() {
            let shape = shapes[part];
            let origin = Origin::GroupKey(part);
            let register = grouped.add_register(Register {
                repr: shape.repr,
                nullable: shape.nullable,
                bounds: shape.bounds,
                origin,
            });
            let unique = keys.len() == 1;
            grouped.columns.push(Column { register, ty, dictionary, range: Some(range), tail: None, unique });
        }
        for made in results {
            let column = grouped.result(&made, &accumulators)?;
            grouped.columns.push(column);
        }
        Ok(grouped)
    }
}

/// Whether a slot's existence is known only from its row count.
fn counts_needed(kind: GroupKind) -> bool {
    matches!(kind, GroupKind::Private | GroupKind::Direct | GroupKind::BuildRow { .. })
}

fn result_of(
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
    let always = call.function == AggregateFunction::Avg;
    let count = (sometimes || always).then(|| counted(accumulators));
    let long_mean = always && is_long_mean(&resolved.value, argument.ty, call.ty)?;
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

type Accumulated = (AccumulatorKind, Value, Bounds, ExtremeEncoding);

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

fn sum(value: Value, ty: Type) -> Result<Accumulated> {
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
        Repr::Int => return Err(Error::internal("min or max of a value wider than 64 bits reached the device")),
    })
}

/// Moves unsigned 64-bit values into the signed range, or back.
fn shift_unsigned(value: Value, op: ArithmeticOp) -> Result<Value> {
    let offset = 1_i128 << 63;
    let mut constant = Value::constant(offset);
    constant.bounds = Bounds::new(offset, offset);
    let wide = Type::Decimal { precision: 38, scale: 0 };
    arithmetic(op, (value, wide), (constant, wide), wide)
}

impl OpenPipeline {
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

    fn accumulator(&mut self, number: usize, accumulators: &Accumulators) -> Value {
        let (repr, bounds) = match accumulators.list[number].kind {
            AccumulatorKind::SumF64 => (Repr::F64, Bounds::new(0, 0)),
            AccumulatorKind::SumI128 => (Repr::Int, accumulators.bounds[number]),
            _ => (Repr::Int, accumulators.bounds[number]),
        };
        let register =
            self.add_register(Register { repr, nullable: false, bounds, origin: Origin::Accumulator(number) });
        self.read(register)
    }

    fn result(&mut self, made: &ResultExpr, accumulators: &Accumulators) -> Result<Column> {
        if made.long_mean {
            return self.long_mean(made, accumulators);
        }
        let mut state = self.accumulator(made.accumulator, accumulators);
        if let Some(low) = made.low {
            state = joined_halves(state, self.accumulator(low, accumulators));
        }
        let count = made.count.map(|count| self.accumulator(count, accumulators));
        let value = match made.function {
            AggregateFunction::Count => state,
            AggregateFunction::Sum if made.result.is_float() => state,
            AggregateFunction::Sum => narrow(state, Bounds::of_type(made.result), Failure::Overflow),
            AggregateFunction::Avg => average(state, count.clone(), made)?,
            AggregateFunction::Min | AggregateFunction::Max => decoded(state, made)?,
        };
        let value = match count {
            Some(count) if made.function != AggregateFunction::Count => where_counted(count, value),
            _ => value,
        };
        let register = self.keep(value);
        let dictionary = made.dictionary.clone();
        Ok(Column { register, ty: made.result, dictionary, range: None, tail: None, unique: false })
    }

    /// In whole units, and the digits behind them: in one number where that has no more than 38.
    fn long_mean(&mut self, made: &ResultExpr, accumulators: &Accumulators) -> Result<Column> {
        let sum = self.accumulator(made.accumulator, accumulators);
        let (high, low) = match made.low {
            Some(low) => (sum, self.accumulator(low, accumulators)),
            None => halves(&sum),
        };
        let count = made.count.ok_or_else(|| Error::internal("an average without its count"))?;
        let count = self.accumulator(count, accumulators);
        let part = |part, bounds| {
            let (high, low) = (Box::new(high.clone()), Box::new(low.clone()));
            Value::int(ValueKind::Mean { high, low, count: Box::new(count.clone()), part }, false, bounds)
        };
        let whole = part(MeanPart::Whole, Bounds::of_type(made.argument));
        let power = power_of_ten(scale_of(made.result) - scale_of(made.argument))?;
        let digits = part(MeanPart::Digits(power), Bounds::new(1 - power, power - 1));
        let (value, tail) = match made.result {
            _ if power == 1 => (whole, None),
            Type::WideDecimal { .. } => {
                let digits = where_counted(count.clone(), digits);
                (whole, Some((self.keep(digits), power)))
            }
            result => {
                let whole = rescale(whole, made.argument, scale_of(result))?;
                (arithmetic(ArithmeticOp::Add, (whole, result), (digits, result), result)?, None)
            }
        };
        let register = self.keep(where_counted(count, value));
        Ok(Column { register, ty: made.result, dictionary: None, range: None, tail, unique: false })
    }
}

fn average(sum: Value, count: Option<Value>, made: &ResultExpr) -> Result<Value> {
    let count = count.ok_or_else(|| Error::internal("an average without its count"))?;
    if made.result.is_float() {
        let sum = cast(sum, made.argument, made.result, Failure::Cast)?;
        let count = cast(count, Type::INT64, made.result, Failure::Cast)?;
        return arithmetic(ArithmeticOp::Divide, (sum, made.result), (count, made.result), made.result);
    }
    let Type::Decimal { scale, .. } = made.argument else {
        return Err(Error::internal("a decimal average of something else"));
    };
    let sum_type = Type::Decimal { precision: 38, scale };
    arithmetic(ArithmeticOp::Divide, (sum, sum_type), (count, Type::INT64), made.result)
}

fn decoded(state: Value, made: &ResultExpr) -> Result<Value> {
    Ok(match made.encoding {
        ExtremeEncoding::Same => state,
        ExtremeEncoding::Float => Value::float(ValueKind::FloatOfOrder(Box::new(state)), repr_of(made.result), false),
        ExtremeEncoding::Bool => Value::bool(ValueKind::IntToBool(Box::new(state)), false),
        ExtremeEncoding::Unsigned => {
            let mut value = shift_unsigned(state, ArithmeticOp::Add)?;
            value.bounds = Bounds::of_type(made.result);
            value
        }
    })
}

/// The value where at least one went in, else NULL.
fn where_counted(count: Value, value: Value) -> Value {
    let mut zero = Value::constant(0);
    zero.bounds = Bounds::new(0, 0);
    let some =
        Value::bool(ValueKind::Compare { op: CompareOp::Greater, left: Box::new(count), right: Box::new(zero) }, false);
    let (repr, bounds) = (value.repr, value.bounds);
    Value::new(ValueKind::Case { branches: vec![(some, value)], otherwise: None }, repr, true, bounds)
}
