//! The canonical form of floats: every NaN the same, and, where asked for, no `-0.0`. Arrays that are so already, nearly
//! all, are only looked at. Not here: where the form is needed.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, make_array};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Float16Type, Float32Type, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;

/// What is made one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// NaNs.
    Nan,
    /// NaNs, and the two zeros.
    NanAndZero,
}

/// Whether values of the type are floats or hold some.
pub(super) fn has_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => true,
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => has_floats(field.data_type()),
        DataType::Dictionary(_, values) => has_floats(values),
        _ => false,
    }
}

/// The array in a canonical form.
pub(super) fn canonical(array: &ArrayRef, form: Form) -> Result<ArrayRef> {
    macro_rules! floats {
        ($arrow_type:ty, $nan:expr, $infinity_bits:expr, $sign:expr, $zero:expr) => {
            canonical_floats::<$arrow_type>(
                array,
                |v| {
                    let bits = v.to_bits();
                    let nan = bits & !$sign > $infinity_bits && bits != $nan.to_bits();
                    nan | (form == Form::NanAndZero && bits == $sign)
                },
                |v| if v.is_nan() { $nan } else { $zero },
            )
        };
    }
    let half = <Float16Type as ArrowPrimitiveType>::default_value();
    Ok(match array.data_type() {
        DataType::Float64 => floats!(Float64Type, f64::NAN, f64::INFINITY.to_bits(), 1_u64 << 63, 0.0),
        DataType::Float32 => floats!(Float32Type, f32::NAN, f32::INFINITY.to_bits(), 1_u32 << 31, 0.0),
        DataType::Float16 => {
            let nan = <Float16Type as ArrowPrimitiveType>::Native::from_bits(0x7e00);
            floats!(Float16Type, nan, 0x7c00_u16, 1_u16 << 15, half)
        }
        nested if has_floats(nested) => {
            let data = array.to_data();
            let mut children = Vec::with_capacity(data.child_data().len());
            for child in data.child_data() {
                children.push(canonical(&make_array(child.clone()), form)?.to_data());
            }
            make_array(data.into_builder().child_data(children).build()?)
        }
        _ => Arc::clone(array),
    })
}

pub(super) fn canonical_scalar(scalar: &ScalarValue, form: Form) -> Result<ScalarValue> {
    ScalarValue::try_from_array(&canonical(&scalar.to_array()?, form)?, 0)
}

fn canonical_floats<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    other: impl Fn(T::Native) -> bool,
    instead: impl Fn(T::Native) -> T::Native,
) -> ArrayRef {
    let values: &PrimitiveArray<T> = array.as_primitive();
    // Without an early exit, which keeps compilers from looking at several at once.
    if !values.values().iter().fold(false, |any, value| any | other(*value)) {
        return Arc::clone(array);
    }
    Arc::new(values.unary::<_, T>(|value| if other(value) { instead(value) } else { value }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use datafusion::arrow::array::{Float64Array, ListArray};

    use super::*;

    fn bits(array: &ArrayRef) -> Vec<u64> {
        array.as_primitive::<Float64Type>().values().iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn nans_and_zeros_are_one_value_each() {
        let odd = [f64::from_bits(0xfff8_0000_0000_0000), f64::from_bits(0x7ff0_0000_0000_0001)];
        let array: ArrayRef =
            Arc::new(Float64Array::from(vec![odd[0], odd[1], f64::NAN, -0.0, 0.0, f64::NEG_INFINITY]));
        let nan = f64::NAN.to_bits();
        let tail = [0.0_f64.to_bits(), f64::NEG_INFINITY.to_bits()];
        let expected = |zero: f64| [&[nan, nan, nan, zero.to_bits()], &tail[..]].concat();
        assert_eq!(bits(&canonical(&array, Form::Nan).unwrap()), expected(-0.0));
        assert_eq!(bits(&canonical(&array, Form::NanAndZero).unwrap()), expected(0.0));
    }

    #[test]
    fn lists_hold_canonical_floats_and_plain_arrays_stay() {
        let lists: ArrayRef =
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([Some([Some(1.0), Some(-0.0)]), None]));
        let made = canonical(&lists, Form::NanAndZero).unwrap();
        assert_eq!(bits(made.as_list::<i32>().values())[1], 0);
        assert!(made.is_null(1));
        let plain: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
        assert!(Arc::ptr_eq(&plain, &canonical(&plain, Form::NanAndZero).unwrap()));
    }
}
