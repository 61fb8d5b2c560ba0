//! MIN and MAX of intervals: the shortest and the longest. Of those that are equally long it is the one that the host calls
//! least or largest, whatever the order of rows.

use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalMonthDayNanoType};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::functions_aggregate::min_max::{Max, Min, min_udaf};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature};

use super::INTERVAL;
use super::keys::is_interval;
use super::length::length_of;

/// What does by length what `function` would do by months, if it is MIN or MAX of an interval.
pub(super) fn extreme_by_length(
    function: &Arc<AggregateUDF>,
    args: &[Expr],
    schema: &DFSchema,
) -> Option<AggregateUDF> {
    let largest = function.inner().is::<Max>();
    let [argument] = args else { return None };
    let asked = (largest || function.inner().is::<Min>()) && is_interval(argument, schema);
    asked.then(|| AggregateUDF::from(IntervalExtreme { host: Arc::clone(function), largest }))
}

/// The least of the intervals.
pub(super) fn least(interval: Expr) -> Expr {
    AggregateUDF::from(IntervalExtreme { host: min_udaf(), largest: false }).call(vec![interval])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct IntervalExtreme {
    host: Arc<AggregateUDF>,
    largest: bool,
}

impl AggregateUDFImpl for IntervalExtreme {
    fn name(&self) -> &str {
        self.host.name()
    }

    fn signature(&self) -> &Signature {
        self.host.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.host.return_type(types)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.host.coerce_types(types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let data_type = args.return_field.data_type().clone();
        Ok(Box::new(Extreme { largest: self.largest, data_type, held: None }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let data_type = args.return_field.data_type().clone();
        Ok(Box::new(SlidingExtreme { largest: self.largest, data_type, candidates: VecDeque::new(), came: 0, left: 0 }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.host.order_sensitivity()
    }
}

/// What an interval is ordered by; the larger wins.
type Rank = (i128, IntervalMonthDayNano);

/// The ranks of the intervals that are none.
fn ranks(intervals: &ArrayRef, largest: bool) -> Result<Vec<Rank>> {
    let intervals = cast(intervals, &INTERVAL)?;
    let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
    let sign = if largest { 1 } else { -1 };
    Ok(intervals.iter().flatten().map(|interval| (sign * length_of(interval), interval)).collect())
}

fn wins(one: &Rank, other: &Rank, largest: bool) -> bool {
    one.0 > other.0 || (one.0 == other.0 && if largest { one.1 > other.1 } else { one.1 < other.1 })
}

fn scalar(rank: Option<&Rank>, data_type: &DataType) -> Result<ScalarValue> {
    ScalarValue::IntervalMonthDayNano(rank.map(|(_, interval)| *interval)).cast_to(data_type)
}

#[derive(Debug)]
struct Extreme {
    largest: bool,
    data_type: DataType,
    held: Option<Rank>,
}

impl Accumulator for Extreme {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for rank in ranks(&values[0], self.largest)? {
            if self.held.is_none_or(|held| wins(&rank, &held, self.largest)) {
                self.held = Some(rank);
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        scalar(self.held.as_ref(), &self.data_type)
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

/// The extreme of a frame that slides: what may still win, the best first, with its place among all that came.
#[derive(Debug)]
struct SlidingExtreme {
    largest: bool,
    data_type: DataType,
    candidates: VecDeque<(u64, Rank)>,
    came: u64,
    left: u64,
}

impl Accumulator for SlidingExtreme {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for rank in ranks(&values[0], self.largest)? {
            while self.candidates.back().is_some_and(|(_, last)| !wins(last, &rank, self.largest)) {
                self.candidates.pop_back();
            }
            self.candidates.push_back((self.came, rank));
            self.came += 1;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.left += (values[0].len() - values[0].null_count()) as u64;
        while self.candidates.front().is_some_and(|(place, _)| *place < self.left) {
            self.candidates.pop_front();
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        scalar(self.candidates.front().map(|(_, rank)| rank), &self.data_type)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.candidates.capacity() * size_of::<(u64, Rank)>()
    }
}
