//! What can be summed exactly, and the wider integer it is summed in. A sum of integers cannot overflow its wide form, so it
//! fails exactly when the total does not fit the result, in whatever order rows come.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, PrimitiveArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{
    ArrowNumericType, ArrowPrimitiveType, DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, Int64Type,
    UInt64Type, i256,
};
use datafusion::arrow::error::ArrowError;
use datafusion::error::{DataFusionError, Result};

use crate::exact::wide_decimals;

/// What has an exact sum.
pub(super) trait Summand: Debug + Send + 'static {
    /// The arrow type of the values and of their sum.
    type Array: ArrowNumericType<Native: Hash + Eq> + Debug + Send;

    /// The arrow type of a partial sum.
    type State: ArrowNumericType + Send;

    /// The integer that totals are kept in.
    type Wide: Copy + Default + Debug + Send + Sync + 'static;

    fn widen(value: Native<Self>) -> Self::Wide;

    /// `None` when `total` does not fit.
    fn narrow(total: Self::Wide) -> Option<Native<Self>>;

    fn widen_state(state: NativeState<Self>) -> Self::Wide;

    /// `None` when `total` does not fit.
    fn narrow_state(total: Self::Wide) -> Option<NativeState<Self>>;

    fn state_type(sum_type: &DataType) -> DataType;

    /// The partial sums of single values.
    fn states_of(values: &PrimitiveArray<Self::Array>) -> PrimitiveArray<Self::State>;

    /// The sum, and whether it overflowed.
    fn add(left: Self::Wide, right: Self::Wide) -> (Self::Wide, bool);

    fn subtract(left: Self::Wide, right: Self::Wide) -> (Self::Wide, bool);

    /// The sum of a whole array without nulls, and whether it overflowed.
    fn total(values: &[Native<Self>]) -> (Self::Wide, bool);
}

pub(super) type Native<T> = <<T as Summand>::Array as ArrowPrimitiveType>::Native;
pub(super) type NativeState<T> = <<T as Summand>::State as ArrowPrimitiveType>::Native;

/// A partial sum is of the sum's own type.
macro_rules! state_is_sum {
    () => {
        type Array = Self;
        type State = Self;

        fn widen_state(state: Native<Self>) -> Self::Wide {
            Self::widen(state)
        }

        fn narrow_state(total: Self::Wide) -> Option<Native<Self>> {
            Self::narrow(total)
        }

        fn state_type(sum_type: &DataType) -> DataType {
            sum_type.clone()
        }

        fn states_of(values: &PrimitiveArray<Self>) -> PrimitiveArray<Self> {
            values.clone()
        }
    };
}

fn fold<T: Summand>(values: impl Iterator<Item = Native<T>>) -> (T::Wide, bool) {
    values.fold((T::Wide::default(), false), |(total, overflowed), value| {
        let (total, now) = T::add(total, T::widen(value));
        (total, overflowed | now)
    })
}

/// Sums 64-bit integers as two halves, which the compiler vectorises; a 128-bit addition a value it does not.
fn total_of_halves(values: impl ExactSizeIterator<Item = (i64, u32)>) -> i128 {
    // The halves of 2^31 values cannot overflow their 64-bit totals, and no array is longer.
    let (high, low) = values.fold((0i64, 0u64), |(high, low), (h, l)| (high + h, low + u64::from(l)));
    (i128::from(high) << 32) + i128::from(low)
}

const HALVES_MAX: usize = 1 << 30;

macro_rules! summand {
    ($($arrow_type:ty: |$values:ident| $total:expr),+ $(,)?) => {$(
        impl Summand for $arrow_type {
            type Wide = i128;

            state_is_sum!();

            fn widen(value: Native<Self>) -> i128 {
                i128::from(value)
            }

            fn narrow(total: i128) -> Option<Native<Self>> {
                Native::<Self>::try_from(total).ok()
            }

            fn add(left: i128, right: i128) -> (i128, bool) {
                left.overflowing_add(right)
            }

            fn subtract(left: i128, right: i128) -> (i128, bool) {
                left.overflowing_sub(right)
            }

            fn total($values: &[Native<Self>]) -> (i128, bool) {
                $total
            }
        }
    )+};
}

fn total_i64(values: &[i64]) -> (i128, bool) {
    let chunk = |chunk: &[i64]| total_of_halves(chunk.iter().map(|v| (v >> 32, *v as u32)));
    (values.chunks(HALVES_MAX).map(chunk).sum(), false)
}

fn total_u64(values: &[u64]) -> (i128, bool) {
    let chunk = |chunk: &[u64]| total_of_halves(chunk.iter().map(|v| ((v >> 32) as i64, *v as u32)));
    (values.chunks(HALVES_MAX).map(chunk).sum(), false)
}

summand! {
    Int64Type: |values| total_i64(values),
    UInt64Type: |values| total_u64(values),
    Decimal32Type: |values| fold::<Self>(values.iter().copied()),
    Decimal64Type: |values| total_i64(values),
    Decimal128Type: |values| fold::<Self>(values.iter().copied()),
    DurationSecondType: |values| total_i64(values),
    DurationMillisecondType: |values| total_i64(values),
    DurationMicrosecondType: |values| total_i64(values),
    DurationNanosecondType: |values| total_i64(values),
}

impl Summand for Decimal256Type {
    type Wide = i256;

    state_is_sum!();

    fn widen(value: i256) -> i256 {
        value
    }

    fn narrow(total: i256) -> Option<i256> {
        Some(total)
    }

    fn add(left: i256, right: i256) -> (i256, bool) {
        left.checked_add(right).map_or((left, true), |total| (total, false))
    }

    fn subtract(left: i256, right: i256) -> (i256, bool) {
        left.checked_sub(right).map_or((left, true), |total| (total, false))
    }

    fn total(values: &[i256]) -> (i256, bool) {
        fold::<Self>(values.iter().copied())
    }
}

/// The sum of the values that are not null; `None` if there are none.
pub(super) fn total_of<T: Summand>(array: &PrimitiveArray<T::Array>) -> Result<Option<T::Wide>> {
    if array.null_count() == array.len() {
        return Ok(None);
    }
    let (total, overflowed) = match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => T::total(array.values()),
        Some(nulls) => fold::<T>(nulls.valid_indices().map(|at| array.values()[at])),
    };
    if overflowed { Err(overflow(array.data_type())) } else { Ok(Some(total)) }
}

/// The array of a sum's type, from its totals. A decimal that outgrew its precision is an error.
pub(super) fn finish<T: Summand>(
    totals: &[T::Wide],
    nulls: Option<NullBuffer>,
    sum_type: &DataType,
) -> Result<ArrayRef> {
    let narrowed: Option<Vec<Native<T>>> = totals.iter().map(|total| T::narrow(*total)).collect();
    let values = narrowed.ok_or_else(|| overflow(sum_type))?;
    let array = PrimitiveArray::<T::Array>::new(values.into(), nulls).with_data_type(sum_type.clone());
    let array: ArrayRef = Arc::new(array);
    wide_decimals::validate(&array, sum_type).map_err(|_| overflow(sum_type))?;
    Ok(array)
}

/// Partial sums. They may pass the precision of the sum's type: what comes after may bring them back.
pub(super) fn states<T: Summand>(
    totals: &[T::Wide],
    nulls: Option<NullBuffer>,
    sum_type: &DataType,
) -> Result<ArrayRef> {
    let narrowed: Option<Vec<NativeState<T>>> = totals.iter().map(|total| T::narrow_state(*total)).collect();
    let values = narrowed.ok_or_else(|| overflow(sum_type))?;
    Ok(Arc::new(PrimitiveArray::<T::State>::new(values.into(), nulls).with_data_type(T::state_type(sum_type))))
}

pub(super) fn overflow(sum_type: &DataType) -> DataFusionError {
    DataFusionError::from(ArrowError::ArithmeticOverflow(format!("the sum does not fit {sum_type}")))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn halves_add_up() {
        let signed = [i64::MAX, i64::MAX, i64::MIN, -1, 0, 1 << 33, -(1 << 40)];
        let expected: i128 = signed.iter().map(|v| i128::from(*v)).sum();
        assert_eq!(total_i64(&signed), (expected, false));
        let unsigned = [u64::MAX, u64::MAX, 7];
        assert_eq!(total_u64(&unsigned), (2 * i128::from(u64::MAX) + 7, false));
    }

    #[test]
    fn nulls_do_not_count() {
        let array = PrimitiveArray::<Int64Type>::from(vec![Some(1), None, Some(i64::MAX)]);
        assert_eq!(total_of::<Int64Type>(&array).unwrap(), Some(i128::from(i64::MAX) + 1));
        assert_eq!(total_of::<Int64Type>(&PrimitiveArray::<Int64Type>::from(vec![None, None])).unwrap(), None);
        assert_eq!(total_of::<Int64Type>(&PrimitiveArray::<Int64Type>::from(Vec::<i64>::new())).unwrap(), None);
    }

    #[test]
    fn the_widest_decimal_reports_overflow() {
        let array = PrimitiveArray::<Decimal128Type>::from(vec![i128::MAX, 1]);
        assert!(total_of::<Decimal128Type>(&array).is_err());
    }
}
