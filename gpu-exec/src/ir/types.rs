//! The value types the device computes with: what a value means, not how wide it is stored.

use arrow::datatypes::{DataType, TimeUnit};

/// A SQL type as the device sees it. String encodings and time zones are matters of the host's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    Bool,
    /// An integer of 1, 2, 4 or 8 bytes.
    Int {
        bytes: u8,
        signed: bool,
    },
    /// IEEE 754 single or double precision: 4 or 8 bytes.
    Float {
        bytes: u8,
    },
    /// An exact decimal: the value is `unscaled / 10^scale`, `|unscaled| < 10^precision`.
    Decimal {
        precision: u8,
        scale: i8,
    },
    /// A decimal of more than 38 digits: a mean. It is carried and put out, nothing is computed with it: its value is
    /// that of a 128-bit integer and of the digits that follow it.
    WideDecimal {
        precision: u8,
        scale: i8,
    },
    /// Days since 1970-01-01.
    Date,
    /// Units since 1970-01-01 00:00.
    Timestamp {
        unit: TimeUnit,
    },
    /// UTF-8 text, on the device a code into an order-preserving dictionary, or a reference to where it lies.
    Text,
}

impl Type {
    pub const INT32: Type = Type::Int { bytes: 4, signed: true };
    pub const INT64: Type = Type::Int { bytes: 8, signed: true };
    pub const FLOAT64: Type = Type::Float { bytes: 8 };

    /// The device's view of a host type, or `None` where the device has no such type.
    pub fn from_arrow(data_type: &DataType) -> Option<Type> {
        Some(match data_type {
            DataType::Boolean => Type::Bool,
            DataType::Int8 => Type::Int { bytes: 1, signed: true },
            DataType::Int16 => Type::Int { bytes: 2, signed: true },
            DataType::Int32 => Type::INT32,
            DataType::Int64 => Type::INT64,
            DataType::UInt8 => Type::Int { bytes: 1, signed: false },
            DataType::UInt16 => Type::Int { bytes: 2, signed: false },
            DataType::UInt32 => Type::Int { bytes: 4, signed: false },
            DataType::UInt64 => Type::Int { bytes: 8, signed: false },
            DataType::Float32 => Type::Float { bytes: 4 },
            DataType::Float64 => Type::FLOAT64,
            DataType::Decimal128(precision, scale) => Type::Decimal { precision: *precision, scale: *scale },
            DataType::Date32 => Type::Date,
            DataType::Timestamp(unit, _) => Type::Timestamp { unit: *unit },
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Type::Text,
            DataType::Dictionary(_, values) if Self::from_arrow(values) == Some(Type::Text) => Type::Text,
            _ => return None,
        })
    }

    pub fn is_float(self) -> bool {
        matches!(self, Type::Float { .. })
    }

    pub fn is_decimal(self) -> bool {
        matches!(self, Type::Decimal { .. })
    }
}
