//! Reading stored columns back, written independently of the encoder: the tests' half of a round trip.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

pub mod every;
pub mod files;
pub mod store;

use arrow::array::Array;
use datafusion::common::ScalarValue;
use maar_gpu_exec::column::Stored;
use maar_gpu_exec::ir::IntWidth;

/// A value as both sides of the comparison see it. Floats by their bits.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Int(i128),
    Bits(u64),
    Bool(bool),
    Text(String),
}

/// The rows of a host array.
pub fn expected(array: &dyn Array) -> Vec<Option<Value>> {
    (0..array.len()).map(|row| scalar(ScalarValue::try_from_array(array, row).unwrap())).collect()
}

fn scalar(value: ScalarValue) -> Option<Value> {
    let int = |v: Option<i128>| v.map(Value::Int);
    match value {
        ScalarValue::Boolean(v) => v.map(Value::Bool),
        ScalarValue::Int8(v) => int(v.map(i128::from)),
        ScalarValue::Int16(v) => int(v.map(i128::from)),
        ScalarValue::Int32(v) | ScalarValue::Date32(v) => int(v.map(i128::from)),
        ScalarValue::Int64(v)
        | ScalarValue::TimestampSecond(v, _)
        | ScalarValue::TimestampMillisecond(v, _)
        | ScalarValue::TimestampMicrosecond(v, _)
        | ScalarValue::TimestampNanosecond(v, _) => int(v.map(i128::from)),
        ScalarValue::UInt8(v) => int(v.map(i128::from)),
        ScalarValue::UInt16(v) => int(v.map(i128::from)),
        ScalarValue::UInt32(v) => int(v.map(i128::from)),
        ScalarValue::UInt64(v) => int(v.map(i128::from)),
        ScalarValue::Decimal128(v, _, _) => int(v),
        ScalarValue::Float32(v) => v.map(|v| Value::Bits(u64::from(v.to_bits()))),
        ScalarValue::Float64(v) => v.map(|v| Value::Bits(v.to_bits())),
        ScalarValue::Utf8(v) | ScalarValue::LargeUtf8(v) | ScalarValue::Utf8View(v) => v.map(Value::Text),
        ScalarValue::Dictionary(_, inner) => scalar(*inner),
        other => panic!("no test value for {other:?}"),
    }
}

/// The rows of stored bytes.
pub fn decode(stored: &Stored, data: &[u8], validity: Option<&[u8]>, rows: usize) -> Vec<Option<Value>> {
    (0..rows)
        .map(|row| {
            let valid = validity.is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1);
            valid.then(|| decode_value(stored, data, row))
        })
        .collect()
}

/// One stored value, whatever its validity; text codes that are out of the dictionary panic.
pub fn decode_value(stored: &Stored, data: &[u8], row: usize) -> Value {
    match stored {
        Stored::Int { .. } => Value::Int(raw_integer(stored, data, row)),
        Stored::Float32 => Value::Bits(u64::from(u32::from_le_bytes(data[row * 4..][..4].try_into().unwrap()))),
        Stored::Float64 => Value::Bits(u64::from_le_bytes(data[row * 8..][..8].try_into().unwrap())),
        Stored::Bool => match data[row] {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            other => panic!("a boolean byte of {other}"),
        },
        Stored::Codes { dictionary, .. } => {
            let code = usize::try_from(raw_integer(stored, data, row)).unwrap();
            Value::Text(dictionary.values().value(code).to_owned())
        }
        Stored::RawText => {
            let begin = |row: usize| {
                let at = row * 4;
                at + u32::from_le_bytes(data[at..][..4].try_into().unwrap()) as usize
            };
            Value::Text(String::from_utf8(data[begin(row)..begin(row + 1)].to_vec()).unwrap())
        }
    }
}

/// The logical integer (or code) at a row, whatever its validity.
pub fn raw_integer(stored: &Stored, data: &[u8], row: usize) -> i128 {
    let size = stored.bytes();
    let mut bytes = [0_u8; 16];
    bytes[..size].copy_from_slice(&data[row * size..][..size]);
    let unsigned = i128::from_le_bytes(bytes);
    match stored {
        Stored::Codes { .. } => unsigned,
        Stored::Int { width: IntWidth::W128, base } => unsigned + base,
        Stored::Int { base, .. } => {
            let bits = 8 * size as u32;
            let signed = if unsigned >> (bits - 1) & 1 == 1 { unsigned - (1_i128 << bits) } else { unsigned };
            signed + base
        }
        other => panic!("{other:?} holds no integers"),
    }
}
