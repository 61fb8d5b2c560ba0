//! Aggregates over how often each value comes: `mode`, the most frequent one; `histogram`, a map of all; `entropy`, in bits;
//! `mad`, the median of how far values are from their median.
//! NULL does not count. Of values that come equally often, `mode` is the least, so that it does not hang on the order of rows.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, MapArray, StructArray, UInt64Array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

pub(super) fn functions() -> [AggregateUDF; 4] {
    [What::Mode, What::Histogram, What::Entropy, What::Mad]
        .map(|what| AggregateUDF::from(Counting { what, signature: Signature::any(1, Volatility::Immutable) }))
}

/// What is made of the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Mode,
    Histogram,
    Entropy,
    Mad,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Counting {
    what: What,
    signature: Signature,
}

impl AggregateUDFImpl for Counting {
    fn name(&self) -> &str {
        match self.what {
            What::Mode => "mode",
            What::Histogram => "histogram",
            What::Entropy => "entropy",
            What::Mad => "mad",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match (self.what, types) {
            (What::Mode, [value]) => value.clone(),
            (What::Histogram, [value]) => DataType::Map(entries(value), false),
            (What::Entropy, _) => DataType::Float64,
            (What::Mad, [value]) if value.is_numeric() || value.is_null() => DataType::Float64,
            (What::Mad, [value]) => return datafusion::common::plan_err!("mad takes a number, not {value}"),
            (_, _) => return datafusion::common::plan_err!("{} takes one argument", self.name()),
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |what: &str, item: DataType| {
            let item = Arc::new(Field::new_list_field(item, true));
            Arc::new(Field::new(format!("{}[{what}]", args.name), DataType::List(item), true))
        };
        let value = args.input_fields[0].data_type().clone();
        Ok(vec![list("values", value), list("counts", DataType::Int64)])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let value_type = args.expr_fields[0].data_type().clone();
        let is_distinct = args.is_distinct;
        Ok(Box::new(Counts { what: self.what, is_distinct, value_type, counts: HashMap::new(), bytes: 0 }))
    }
}

fn entries(value: &DataType) -> FieldRef {
    let key = Field::new("key", value.clone(), false);
    let count = Field::new("value", DataType::UInt64, true);
    Arc::new(Field::new("entries", DataType::Struct(Fields::from(vec![key, count])), false))
}

/// How often each value came.
#[derive(Debug)]
struct Counts {
    what: What,
    /// Whether each value counts once, however often it comes.
    is_distinct: bool,
    value_type: DataType,
    counts: HashMap<ScalarValue, i64>,
    /// Of the values, roughly.
    bytes: usize,
}

impl Counts {
    fn add(&mut self, value: ScalarValue, count: i64) {
        let value = one_float(value);
        if let Some(known) = self.counts.get_mut(&value) {
            *known += count;
            if *known == 0 {
                self.counts.remove(&value);
            }
            return;
        }
        self.bytes += value.size() + size_of::<i64>();
        self.counts.insert(value, count);
    }

    fn add_all(&mut self, values: &ArrayRef, count: i64) -> Result<()> {
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            self.add(ScalarValue::try_from_array(values, row)?, count);
        }
        Ok(())
    }

    /// The values in order, each with its count.
    fn sorted(&self) -> Vec<(&ScalarValue, i64)> {
        let count = |count: i64| if self.is_distinct { 1 } else { count };
        let mut sorted: Vec<(&ScalarValue, i64)> =
            self.counts.iter().map(|(value, times)| (value, count(*times))).collect();
        sorted.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        sorted
    }

    fn array(&self, values: Vec<&ScalarValue>) -> Result<ArrayRef> {
        match values.is_empty() {
            true => Ok(datafusion::arrow::array::new_empty_array(&self.value_type)),
            false => ScalarValue::iter_to_array(values.into_iter().cloned()),
        }
    }

    fn mode(&self) -> Result<ScalarValue> {
        // The first of those that come most often: `max_by_key` would give the last.
        let most = self.sorted().into_iter().rev().max_by_key(|(_, count)| *count);
        most.map_or_else(|| ScalarValue::try_from(&self.value_type), |(value, _)| Ok(value.clone()))
    }

    fn histogram(&self) -> Result<ScalarValue> {
        let DataType::Struct(fields) = entries(&self.value_type).data_type().clone() else {
            return datafusion::common::internal_err!("a map has entries");
        };
        if self.counts.is_empty() {
            return ScalarValue::try_from(&DataType::Map(entries(&self.value_type), false));
        }
        let (values, counts): (Vec<&ScalarValue>, Vec<u64>) =
            self.sorted().into_iter().map(|(value, count)| (value, count as u64)).unzip();
        let offsets = OffsetBuffer::from_lengths([counts.len()]);
        let columns: Vec<ArrayRef> = vec![self.array(values)?, Arc::new(UInt64Array::from(counts))];
        let rows = StructArray::try_new(fields, columns, None)?;
        let map = MapArray::try_new(entries(&self.value_type), offsets, rows, None, false)?;
        Ok(ScalarValue::Map(Arc::new(map)))
    }

    /// What a value tells, in bits: the less, the surer it is beforehand.
    fn entropy(&self) -> f64 {
        let sorted = self.sorted();
        let total: i64 = sorted.iter().map(|(_, count)| count).sum();
        let share = |count: i64| count as f64 / total as f64;
        sorted.into_iter().map(|(_, count)| -share(count) * share(count).log2()).fold(0.0, |sum, bits| sum + bits)
    }

    fn mad(&self) -> Result<Option<f64>> {
        let number = |value: &ScalarValue| match value.cast_to(&DataType::Float64)? {
            ScalarValue::Float64(Some(number)) => Ok(number),
            other => datafusion::common::internal_err!("{other} is no number"),
        };
        let numbers = self.sorted().into_iter().map(|(value, count)| Ok((number(value)?, count)));
        let mut numbers = numbers.collect::<Result<Vec<(f64, i64)>>>()?;
        let Some(middle) = median(&mut numbers) else { return Ok(None) };
        numbers.iter_mut().for_each(|(number, _)| *number = (*number - middle).abs());
        Ok(median(&mut numbers))
    }
}

/// The median of numbers that come so often; the mean of two that are in the middle.
fn median(numbers: &mut [(f64, i64)]) -> Option<f64> {
    numbers.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let total: i64 = numbers.iter().map(|(_, count)| count).sum();
    let at = |place: i64| {
        let mut behind = 0;
        let reaches = |(_, count): &&(f64, i64)| {
            behind += count;
            behind > place
        };
        numbers.iter().find(reaches).map(|(number, _)| *number)
    };
    let (low, high) = (at((total - 1) / 2)?, at(total / 2)?);
    Some(if low == high { low } else { low + (high - low) / 2.0 })
}

/// NaN is one value, whatever its bits, and so is zero, whatever its sign.
fn one_float(value: ScalarValue) -> ScalarValue {
    match value {
        ScalarValue::Float64(Some(float)) if float.is_nan() => ScalarValue::Float64(Some(f64::NAN)),
        ScalarValue::Float64(Some(0.0)) => ScalarValue::Float64(Some(0.0)),
        ScalarValue::Float32(Some(float)) if float.is_nan() => ScalarValue::Float32(Some(f32::NAN)),
        ScalarValue::Float32(Some(0.0)) => ScalarValue::Float32(Some(0.0)),
        other => other,
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add_all(&values[0], 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add_all(&values[0], -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, counts) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            let (values, counts) = (values.value(row), counts.value(row));
            let counts = counts.as_primitive::<Int64Type>();
            for at in 0..values.len() {
                self.add(ScalarValue::try_from_array(&values, at)?, counts.value(at));
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (values, counts): (Vec<&ScalarValue>, Vec<i64>) = self.counts.iter().map(|(v, c)| (v, *c)).unzip();
        let list = |array: ArrayRef| SingleRowListArrayBuilder::new(array).build_list_scalar();
        Ok(vec![list(self.array(values)?), list(Arc::new(Int64Array::from(counts)))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match self.what {
            What::Mode => self.mode(),
            What::Histogram => self.histogram(),
            What::Entropy => Ok(ScalarValue::Float64(Some(self.entropy()))),
            What::Mad => Ok(ScalarValue::Float64(self.mad()?)),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes
    }
}
