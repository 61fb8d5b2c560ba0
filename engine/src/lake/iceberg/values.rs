//! What manifests say of values: bounds as bytes, by the numbers of columns.

use std::collections::HashMap;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;

use super::super::bounds::Bounds;
use super::super::snapshot::Column;

/// What is known of a file's columns.
#[derive(Debug, Default)]
pub(in super::super) struct Known {
    pub(super) values: HashMap<i32, u64>,
    pub(super) nulls: HashMap<i32, u64>,
    pub(super) least: HashMap<i32, Box<[u8]>>,
    pub(super) greatest: HashMap<i32, Box<[u8]>>,
}

impl Known {
    pub(in super::super) fn bounds(&self, column: &Column) -> Bounds {
        let Some(number) = column.number else { return Bounds::default() };
        let nulls = self.nulls.get(&number).copied();
        let bound = |of: &HashMap<i32, Box<[u8]>>| value(of.get(&number)?, column.field.data_type());
        Bounds {
            least: bound(&self.least),
            greatest: bound(&self.greatest),
            has_null: nulls.map(|nulls| nulls > 0),
            is_all_null: nulls.is_some() && nulls == self.values.get(&number).copied(),
        }
    }
}

/// A value that bounds others; `None` where it may not. What grew (int to long) has the bytes of before.
fn value(bytes: &[u8], data_type: &DataType) -> Option<ScalarValue> {
    let whole = || match bytes.len() {
        4 => Some(i64::from(i32::from_le_bytes(bytes.try_into().ok()?))),
        8 => Some(i64::from_le_bytes(bytes.try_into().ok()?)),
        _ => None,
    };
    Some(match data_type {
        DataType::Int32 => ScalarValue::Int32(Some(i32::try_from(whole()?).ok()?)),
        DataType::Int64 => ScalarValue::Int64(Some(whole()?)),
        DataType::Date32 => ScalarValue::Date32(Some(i32::try_from(whole()?).ok()?)),
        DataType::Timestamp(TimeUnit::Microsecond, zone) if bytes.len() == 8 => {
            ScalarValue::TimestampMicrosecond(Some(whole()?), zone.clone())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) if bytes.len() == 8 => {
            ScalarValue::TimestampNanosecond(Some(whole()?), zone.clone())
        }
        DataType::Utf8View => ScalarValue::Utf8View(Some(std::str::from_utf8(bytes).ok()?.to_string())),
        DataType::Decimal128(digits, scale) if (1..=16).contains(&bytes.len()) => {
            // The highest byte comes first, and says the sign.
            let start = if bytes[0] & 0x80 == 0 { 0_i128 } else { -1 };
            let value = bytes.iter().fold(start, |value, byte| (value << 8) | i128::from(*byte));
            ScalarValue::Decimal128(Some(value), *digits, *scale)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_from_bytes() {
        let is = |bytes: &[u8], data_type: DataType, text: &str| {
            assert_eq!(value(bytes, &data_type).map(|value| value.to_string()).as_deref(), Some(text));
        };
        is(&[7, 0, 0, 0], DataType::Int64, "7");
        is(&(-2_i64).to_le_bytes(), DataType::Int64, "-2");
        is(b"ab", DataType::Utf8View, "ab");
        is(&[0xFF, 0x38], DataType::Decimal128(9, 2), "-2.00");
        is(&[0x00, 0xC8], DataType::Decimal128(9, 2), "2.00");
        assert_eq!(value(&[1, 2, 3], &DataType::Int64), None);
        assert_eq!(value(&[0; 8], &DataType::Float64), None, "NaN is in no bounds");
    }
}
