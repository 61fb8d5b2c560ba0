//! Constants as kernels take them, and which constants of the host have such a form.

use datafusion::scalar::ScalarValue;

/// A parameter's value. Never part of the source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constant {
    Bool(bool),
    /// In the units of its type: digits of a decimal, days of a date, ticks of a timestamp.
    Int(i128),
    F32(f32),
    F64(f64),
    /// The whole expression is NULL; source, since it changes the shape.
    Null,
}

impl Constant {
    /// What a host constant is on the device; `None` for NULL and for what has no such form, text above all.
    pub fn of(value: &ScalarValue) -> Option<Self> {
        use ScalarValue as S;
        Some(match value {
            S::Boolean(Some(value)) => Constant::Bool(*value),
            S::Int8(Some(value)) => Constant::Int(i128::from(*value)),
            S::Int16(Some(value)) => Constant::Int(i128::from(*value)),
            S::Int32(Some(value)) | S::Date32(Some(value)) => Constant::Int(i128::from(*value)),
            S::Int64(Some(value))
            | S::TimestampSecond(Some(value), _)
            | S::TimestampMillisecond(Some(value), _)
            | S::TimestampMicrosecond(Some(value), _)
            | S::TimestampNanosecond(Some(value), _) => Constant::Int(i128::from(*value)),
            S::UInt8(Some(value)) => Constant::Int(i128::from(*value)),
            S::UInt16(Some(value)) => Constant::Int(i128::from(*value)),
            S::UInt32(Some(value)) => Constant::Int(i128::from(*value)),
            S::UInt64(Some(value)) => Constant::Int(i128::from(*value)),
            S::Decimal128(Some(value), _, _) => Constant::Int(*value),
            S::Float32(Some(value)) => Constant::F32(*value),
            S::Float64(Some(value)) => Constant::F64(*value),
            _ => return None,
        })
    }
}
