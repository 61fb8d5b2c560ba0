//! Values as the log writes them: of partitions as texts, of statistics as JSON.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use serde_json::{Map, Value};

use super::super::bounds::Bounds;
use super::super::snapshot::Column;

/// Decimals of more digits are not what a JSON number says.
const EXACT_DIGITS: u8 = 15;
/// Times in statistics are cut to milliseconds.
const CUT_MICROSECONDS: i64 = 999;

/// The value of a partition column; an empty text is NULL. `None` for what is no value of the type.
pub(super) fn of_partition(text: Option<&str>, data_type: &DataType) -> Option<ScalarValue> {
    match text.filter(|text| !text.is_empty()) {
        None => ScalarValue::try_new_null(data_type).ok(),
        Some(text) => parsed(text, data_type),
    }
}

fn parsed(text: &str, data_type: &DataType) -> Option<ScalarValue> {
    // What is cast without its being checked may come out as NULL.
    ScalarValue::try_from_string(text.to_string(), data_type).ok().filter(|value| !value.is_null())
}

/// What the statistics of a file say of `column`.
pub(in super::super) fn bounds(statistics: &Map<String, Value>, column: &Column) -> Bounds {
    let name = column.stored.name();
    let of = |kind: &str| statistics.get(kind).and_then(Value::as_object)?.get(name);
    let rows = statistics.get("numRecords").and_then(Value::as_u64);
    let nulls = of("nullCount").and_then(Value::as_u64);
    let data_type = column.field.data_type();
    Bounds {
        least: of("minValues").and_then(|value| bound(value, data_type)),
        greatest: of("maxValues").and_then(|value| bound(value, data_type)).map(rounded_up),
        has_null: nulls.map(|nulls| nulls > 0),
        is_all_null: nulls.is_some() && nulls == rows,
    }
}

/// A value that bounds others; `None` where it may not.
fn bound(value: &Value, data_type: &DataType) -> Option<ScalarValue> {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::Date32 | DataType::Timestamp(..) => {
            parsed(value.as_str()?, data_type)
        }
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            parsed(&value.as_i64()?.to_string(), data_type)
        }
        DataType::Decimal128(digits, _) if *digits <= EXACT_DIGITS => match value {
            Value::Number(number) => parsed(&number.to_string(), data_type),
            _ => None,
        },
        _ => None,
    }
}

fn rounded_up(value: ScalarValue) -> ScalarValue {
    match value {
        ScalarValue::TimestampMicrosecond(Some(time), zone) => {
            ScalarValue::TimestampMicrosecond(Some(time.saturating_add(CUT_MICROSECONDS)), zone)
        }
        other => other,
    }
}

/// Times as the log has them.
pub(super) const UNIT: TimeUnit = TimeUnit::Microsecond;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn partition_values_are_typed() {
        let utc = DataType::Timestamp(UNIT, Some("UTC".into()));
        for (text, data_type, is) in [
            ("12", DataType::Int16, "12"),
            ("-1.50", DataType::Decimal128(5, 2), "-1.50"),
            ("true", DataType::Boolean, "true"),
            ("2024-02-29", DataType::Date32, "2024-02-29"),
            ("x y", DataType::Utf8View, "x y"),
            ("1970-01-01 00:00:01.5", DataType::Timestamp(UNIT, None), "1500000"),
            ("1970-01-01 00:00:01.5", utc.clone(), "1500000"),
            ("1970-01-01T00:00:01.500000Z", utc, "1500000"),
        ] {
            assert_eq!(of_partition(Some(text), &data_type).unwrap().to_string(), is, "{text}");
        }
        assert!(of_partition(Some(""), &DataType::Utf8View).unwrap().is_null());
        assert!(of_partition(None, &DataType::Int32).unwrap().is_null());
        assert!(of_partition(Some("a"), &DataType::Int32).is_none());
        assert!(of_partition(Some("300"), &DataType::Int8).is_none());
    }
}
