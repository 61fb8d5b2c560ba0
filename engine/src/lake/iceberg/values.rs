//! Values as metadata writes them: bounds as bytes, by the numbers of columns; single values as JSON.

use std::collections::HashMap;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use serde_json::Value;

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

/// One value as JSON has it: of a partition, or what rows have that were written before a column came. `None` for what is none of
/// the type.
pub(super) fn of_json(told: &Value, data_type: &DataType) -> Option<ScalarValue> {
    let text = match told {
        Value::Null => return ScalarValue::try_new_null(data_type).ok(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match data_type {
        DataType::BinaryView => Some(ScalarValue::BinaryView(Some(from_hex(&text)?.into_vec()))),
        DataType::FixedSizeBinary(size) => {
            // Of a UUID there may be dashes.
            let bytes = from_hex(&text.replace('-', ""))?.into_vec();
            (i32::try_from(bytes.len()) == Ok(*size)).then_some(ScalarValue::FixedSizeBinary(*size, Some(bytes)))
        }
        _ => ScalarValue::try_from_string(text, data_type).ok().filter(|value| !value.is_null()),
    }
}

/// Bytes as JSON has them, as digits.
pub(super) fn from_hex(text: &str) -> Option<Box<[u8]>> {
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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

    #[test]
    fn single_values_are_read_from_json() {
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        for (told, data_type, text) in [
            (json!(5), DataType::Int64, "5"),
            (json!(true), DataType::Boolean, "true"),
            (json!("1.50"), DataType::Decimal128(9, 2), "1.50"),
            (json!("a"), DataType::Utf8View, "a"),
            (json!("2024-02-29"), DataType::Date32, "2024-02-29"),
            (json!("1970-01-01T00:00:01.5+00:00"), utc, "1500000"),
            (json!("0aff"), DataType::BinaryView, "0AFF"),
            (json!("00000000-0000-0000-0000-0000000000ff"), DataType::FixedSizeBinary(16), "00000000000000000000..."),
        ] {
            let value = of_json(&told, &data_type).map(|value| value.to_string());
            assert_eq!(value.as_deref(), Some(text), "{told}");
        }
        assert_eq!(of_json(&json!(null), &DataType::Int64), Some(ScalarValue::Int64(None)));
        for (told, data_type) in [(json!("a"), DataType::Int64), (json!("0"), DataType::FixedSizeBinary(16))] {
            assert_eq!(of_json(&told, &data_type), None, "{told}");
        }
    }
}
