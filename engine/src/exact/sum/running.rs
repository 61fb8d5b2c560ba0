//! One sum: a whole input, or a window that slides over it.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::Accumulator;

use super::summand::{Summand, finish, overflow, states, total_of};

/// The total of the rows seen and not taken back.
#[derive(Debug)]
pub(super) struct RunningSum<T: Summand> {
    total: T::Wide,
    /// Values in the total; without any the sum is NULL.
    count: usize,
    sum_type: DataType,
}

/// [`Summand::add`] or [`Summand::subtract`].
type Combine<T> = fn(<T as Summand>::Wide, <T as Summand>::Wide) -> (<T as Summand>::Wide, bool);

impl<T: Summand> RunningSum<T> {
    pub(super) fn new(sum_type: DataType) -> Self {
        Self { total: T::Wide::default(), count: 0, sum_type }
    }

    fn combine(&mut self, values: &ArrayRef, with: Combine<T>) -> Result<usize> {
        let values = values.as_primitive::<T::Array>();
        if let Some(total) = total_of::<T>(values)? {
            self.set(with(self.total, total))?;
        }
        Ok(values.len() - values.null_count())
    }

    fn set(&mut self, (total, overflowed): (T::Wide, bool)) -> Result<()> {
        if overflowed {
            return Err(overflow(&self.sum_type));
        }
        self.total = total;
        Ok(())
    }
}

impl<T: Summand> Accumulator for RunningSum<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count += self.combine(&values[0], T::add)?;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count -= self.combine(&values[0], T::subtract)?;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.count == 0 {
            return ScalarValue::try_from(&self.sum_type);
        }
        ScalarValue::try_from_array(&finish::<T>(&[self.total], None, &self.sum_type)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        if self.count == 0 {
            return Ok(vec![ScalarValue::try_from(&T::state_type(&self.sum_type))?]);
        }
        Ok(vec![ScalarValue::try_from_array(&states::<T>(&[self.total], None, &self.sum_type)?, 0)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in states[0].as_primitive::<T::State>().iter().flatten() {
            self.set(T::add(self.total, T::widen_state(state)))?;
            self.count += 1;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
