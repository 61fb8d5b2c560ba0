//! SUM(DISTINCT): each value counted once, in a whole input or in a window that slides over it.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{HashMap, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::Accumulator;

use super::summand::{Native, Summand, finish, overflow};

/// The distinct values, how often each is in the window, and their total.
#[derive(Debug)]
pub(super) struct DistinctSum<T: Summand> {
    counts: HashMap<Native<T>, usize>,
    total: T::Wide,
    sum_type: DataType,
}

impl<T: Summand> DistinctSum<T> {
    pub(super) fn new(sum_type: DataType) -> Self {
        Self { counts: HashMap::new(), total: T::Wide::default(), sum_type }
    }

    fn insert(&mut self, value: Native<T>) -> Result<()> {
        let count = self.counts.entry(value).or_insert(0);
        *count += 1;
        if *count > 1 {
            return Ok(());
        }
        self.set_total(T::add(self.total, T::widen(value)))
    }

    fn remove(&mut self, value: Native<T>) -> Result<()> {
        let Some(count) = self.counts.get_mut(&value) else { return Ok(()) };
        *count -= 1;
        if *count > 0 {
            return Ok(());
        }
        self.counts.remove(&value);
        self.set_total(T::subtract(self.total, T::widen(value)))
    }

    fn set_total(&mut self, (total, overflowed): (T::Wide, bool)) -> Result<()> {
        if overflowed {
            return Err(overflow(&self.sum_type));
        }
        self.total = total;
        Ok(())
    }
}

impl<T: Summand> Accumulator for DistinctSum<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values[0].as_primitive::<T::Array>().iter().flatten().try_for_each(|value| self.insert(value))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values[0].as_primitive::<T::Array>().iter().flatten().try_for_each(|value| self.remove(value))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.counts.is_empty() {
            return ScalarValue::try_from(&self.sum_type);
        }
        ScalarValue::try_from_array(&finish::<T>(&[self.total], None, &self.sum_type)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let keys = self.counts.keys().copied();
        let values = PrimitiveArray::<T::Array>::from_iter_values(keys).with_data_type(self.sum_type.clone());
        Ok(vec![SingleRowListArrayBuilder::new(Arc::new(values)).build_list_scalar()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_list::<i32>().iter().flatten().try_for_each(|values| self.update_batch(&[values]))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.capacity() * size_of::<(Native<T>, usize)>()
    }
}
