//! One sum: a whole input, or a window that slides over it.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::Accumulator;

use super::summand::{Digits, Summand, finish, overflow, total_of};

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

    fn value(&self, digits: Digits) -> Result<ScalarValue> {
        if self.count == 0 {
            return ScalarValue::try_from(&self.sum_type);
        }
        ScalarValue::try_from_array(&finish::<T>(&[self.total], None, &self.sum_type, digits)?, 0)
    }

    fn combine(&mut self, values: &ArrayRef, with: Combine<T>) -> Result<usize> {
        let values = values.as_primitive::<T>();
        if let Some(total) = total_of(values)? {
            let (total, overflowed) = with(self.total, total);
            if overflowed {
                return Err(overflow(&self.sum_type));
            }
            self.total = total;
        }
        Ok(values.len() - values.null_count())
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
        self.value(Digits::Checked)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value(Digits::Free)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(&states[..1])
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
