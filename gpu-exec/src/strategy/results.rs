//! Results of aggregates: expressions over the accumulators that calls were made to (`aggregate.rs`).

use std::sync::Arc;

use super::aggregate::Accumulators;
use super::resolve::{arithmetic, cast, halves, joined_halves, narrow, power_of_ten, rescale, scale_of};
use super::scope::{Column, OpenPipeline, repr_of};
use super::variance::Squares;
use crate::column::Dictionary;
use crate::error::{Error, Result};
use crate::ir::{
    AccumulatorKind, AggregateFunction, ArithmeticOp, Bounds, CompareOp, Failure, MeanPart, Register, Repr, Type,
    Value, ValueKind,
};

/// How a call's result is made of accumulators.
#[derive(Clone)]
pub(super) struct ResultExpr {
    pub(super) function: AggregateFunction,
    pub(super) accumulator: usize,
    /// Sums the low halves of values whose total may pass 128 bits on the way; `accumulator` then sums the high ones.
    pub(super) low: Option<usize>,
    /// A mean whose sum may pass 128 bits, on the way or once it has all the mean's digits: see [`ValueKind::Mean`].
    pub(super) long_mean: bool,
    /// Of a variance: what adds up the squares of what `accumulator` adds up.
    pub(super) squares: Option<Squares>,
    /// Counts the values that went in; `None` where every group has one.
    pub(super) count: Option<usize>,
    pub(super) argument: Type,
    pub(super) result: Type,
    pub(super) encoding: ExtremeEncoding,
    pub(super) dictionary: Option<Arc<Dictionary>>,
}

impl ResultExpr {
    /// The numbers of all accumulators that it is made of.
    pub(super) fn accumulators_mut(&mut self) -> impl Iterator<Item = &mut usize> {
        let squares = self.squares.iter_mut().flat_map(Squares::accumulators_mut);
        std::iter::once(&mut self.accumulator).chain(&mut self.low).chain(&mut self.count).chain(squares)
    }
}

/// What MIN and MAX compared in place of the values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ExtremeEncoding {
    Same,
    Float,
    Bool,
    /// Unsigned 64-bit values were compared 2^63 lower.
    Unsigned,
}

impl OpenPipeline {
    pub(super) fn accumulator(&mut self, number: usize, accumulators: &Accumulators) -> Value {
        let (repr, bounds) = match accumulators.list[number].kind {
            AccumulatorKind::SumF64 => (Repr::F64, Bounds::new(0, 0)),
            AccumulatorKind::SumI128 => (Repr::Int, accumulators.bounds[number]),
            _ => (Repr::Int, accumulators.bounds[number]),
        };
        let register =
            self.add_register(Register { repr, nullable: false, bounds, origin: accumulators.origin(number) });
        self.read(register)
    }

    pub(super) fn result(&mut self, made: &ResultExpr, accumulators: &Accumulators) -> Result<Column> {
        if made.long_mean {
            return self.long_mean(made, accumulators);
        }
        if let Some(squares) = &made.squares {
            let value = self.variance(made, squares, accumulators)?;
            let register = self.keep(value);
            return Ok(Column { register, ty: made.result, dictionary: None, range: None, tail: None, unique: false });
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
            AggregateFunction::Variance { .. } => return Err(Error::internal("a variance without its squares")),
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
pub(super) fn where_counted(count: Value, value: Value) -> Value {
    where_more_than(0, count, value)
}

/// The value where more than so many went in, else NULL.
pub(super) fn where_more_than(few: i128, count: Value, value: Value) -> Value {
    let mut few_value = Value::constant(few);
    few_value.bounds = Bounds::new(few, few);
    let (left, right) = (Box::new(count), Box::new(few_value));
    let some = Value::bool(ValueKind::Compare { op: CompareOp::Greater, left, right }, false);
    let (repr, bounds) = (value.repr, value.bounds);
    Value::new(ValueKind::Case { branches: vec![(some, value)], otherwise: None }, repr, true, bounds)
}

/// Moves unsigned 64-bit values into the signed range, or back.
pub(super) fn shift_unsigned(value: Value, op: ArithmeticOp) -> Result<Value> {
    let offset = 1_i128 << 63;
    let mut constant = Value::constant(offset);
    constant.bounds = Bounds::new(offset, offset);
    let wide = Type::Decimal { precision: 38, scale: 0 };
    arithmetic(op, (value, wide), (constant, wide), wide)
}
