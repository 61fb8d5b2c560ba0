//! Variances and standard deviations of integers and decimals, from exact sums: of n values that add up to S, and whose squares
//! add up to Q, `n * Q - S * S` is n times n times the variance. In floats that difference loses all its digits where values
//! are large and close together; in integers it is exact, and becomes a float once (`kernels/spread.cuh`).
//!
//! The host runs Welford's recurrence over values that it has made floats: equal up to its rounding.

use super::aggregate::{Accumulators, sum};
use super::resolve::{arithmetic, cast, split};
use super::results::{ResultExpr, where_more_than};
use super::scope::OpenPipeline;
use crate::error::{Error, Result};
use crate::ir::{
    AggregateFunction, ArithmeticOp, Bounds, Constant, Failure, FloatFunction, Repr, Type, Value, ValueKind,
};

/// Values whose squares, so many as there may be rows, add up in 128 bits.
const NARROW_MAX: u128 = 1 << 43;

/// The lower half of a value that is not narrow.
const HALF: i128 = 1 << 32;

/// What adds up squares of values: accumulators, by number.
#[derive(Clone)]
pub(super) struct Squares {
    low: usize,
    /// Of values that are not narrow: products of their halves, and squares of their upper ones.
    cross_and_high: Option<(usize, usize)>,
}

impl Squares {
    pub(super) fn accumulators_mut(&mut self) -> impl Iterator<Item = &mut usize> {
        let others = self.cross_and_high.iter_mut().flat_map(|(cross, high)| [cross, high]);
        std::iter::once(&mut self.low).chain(others)
    }
}

/// Sums of values and of their squares.
pub(super) fn squares_of(
    open: &mut OpenPipeline,
    value: Value,
    filter: Option<&Value>,
    accumulators: &mut Accumulators,
) -> Result<(usize, Squares)> {
    if value.repr != Repr::Int || !value.bounds.fits_signed(65) {
        return Err(Error::internal("a variance of what 64 bits do not hold reached the device"));
    }
    let mut add = |value: Value| {
        let (kind, value, bounds, _) = sum(value, Type::INT64)?;
        Ok::<_, Error>(accumulators.add(kind, Some(value), filter.cloned(), bounds))
    };
    let register = open.keep(value);
    let value = open.read(register);
    let total = add(value.clone())?;
    if value.bounds.magnitude() <= NARROW_MAX {
        let low = add(product(&value, &value)?)?;
        return Ok((total, Squares { low, cross_and_high: None }));
    }
    let (high, low) = split(&value, HALF);
    let halves = [high, low].map(|half| open.keep(half));
    let [high, low] = halves.map(|half| open.read(half));
    let (cross, squared) = (add(product(&high, &low)?)?, add(product(&high, &high)?)?);
    Ok((total, Squares { low: add(product(&low, &low)?)?, cross_and_high: Some((cross, squared)) }))
}

/// Of values of 64 bits at most; a square is not negative.
fn product(left: &Value, right: &Value) -> Result<Value> {
    let exact = left.bounds.times(right.bounds).ok_or_else(|| Error::internal("a product past 128 bits"))?;
    let bounds = if left == right { Bounds::new(0, exact.max) } else { exact };
    let nullable = left.nullable || right.nullable;
    let (left, right) = (Box::new(left.clone()), Box::new(right.clone()));
    let kind = ValueKind::Arithmetic { op: ArithmeticOp::Multiply, left, right, limits: None };
    Ok(Value::int(kind, nullable, bounds))
}

impl OpenPipeline {
    pub(super) fn variance(
        &mut self,
        made: &ResultExpr,
        squares: &Squares,
        accumulators: &Accumulators,
    ) -> Result<Value> {
        let AggregateFunction::Variance { sample, root } = made.function else {
            return Err(Error::internal("squares of what is no variance"));
        };
        let count = made.count.ok_or_else(|| Error::internal("a variance without its count"))?;
        let count = self.accumulator(count, accumulators);
        let sum = Box::new(self.accumulator(made.accumulator, accumulators));
        let low = Box::new(self.accumulator(squares.low, accumulators));
        let (cross, high) = match squares.cross_and_high {
            Some((cross, high)) => (self.accumulator(cross, accumulators), self.accumulator(high, accumulators)),
            None => (Value::constant(0), Value::constant(0)),
        };
        let (cross, high) = (Box::new(cross), Box::new(high));
        let kind = ValueKind::Spread { count: Box::new(count.clone()), sum, high, cross, low };
        let spread = Value::float(kind, Repr::F64, false);

        let float = Type::FLOAT64;
        let with = |op, left, right| arithmetic(op, (left, float), (right, float), float);
        let constant = |number| Value::float(ValueKind::Constant(Constant::F64(number)), Repr::F64, false);
        let values = cast(count.clone(), Type::INT64, float, Failure::Cast)?;
        let free = if sample { with(ArithmeticOp::Subtract, values.clone(), constant(1.0))? } else { values.clone() };
        let mut divisor = with(ArithmeticOp::Multiply, values, free)?;
        if let Type::Decimal { scale: scale @ 1.., .. } = made.argument {
            divisor = with(ArithmeticOp::Multiply, divisor, constant(10_f64.powi(2 * i32::from(scale))))?;
        }
        let mut value = with(ArithmeticOp::Divide, spread, divisor)?;
        if root {
            let kind = ValueKind::FloatFunction { function: FloatFunction::SquareRoot, input: Box::new(value) };
            value = Value::float(kind, Repr::F64, false);
        }
        Ok(where_more_than(i128::from(sample), count, value))
    }
}
