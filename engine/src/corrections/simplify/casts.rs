//! Which casts a comparison may look through, and which cannot fail.

use datafusion::arrow::datatypes::{DataType, TimeUnit};

/// Whether a cast maps every value of `from` to one of `to`, and no two to the same. Only such a cast may be taken off a
/// column and put, turned around, on the literal that the column is compared with.
pub(super) fn keeps_values(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    if from == to {
        return true;
    }
    match (from, to) {
        (T::Dictionary(_, from), to) => keeps_values(from, to),
        (from, T::Dictionary(_, to)) => keeps_values(from, to),
        (from, to) if from.is_integer() && to.is_integer() => {
            let (from, to) = (Width::of(from), Width::of(to));
            if from.signed == to.signed { from.bits <= to.bits } else { to.signed && from.bits < to.bits }
        }
        (from, to) if from.is_integer() => integer_digits(to).is_some_and(|room| digits(from) <= room),
        (from, to) => match (decimal(from), decimal(to)) {
            (Some((precision, scale)), Some((to_precision, to_scale))) => {
                scale >= 0 && to_scale >= scale && to_precision - to_scale >= precision - scale
            }
            _ => is_text(from) && is_text(to) || matches!((from, to), (T::Date32, T::Date64)),
        },
    }
}

/// Whether a comparison with a literal may lose such a cast at all: other types are never unwrapped.
pub(super) fn is_unwrapped(data_type: &DataType) -> bool {
    use DataType as T;
    match data_type {
        T::Dictionary(_, values) => is_unwrapped(values),
        T::Date32 | T::Date64 | T::Timestamp(..) | T::Binary | T::FixedSizeBinary(_) => true,
        other => other.is_integer() || decimal(other).is_some() || is_text(other),
    }
}

/// Whether the cast gives a value, or NULL for NULL, whatever it is given.
pub(super) fn is_total(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    if keeps_values(from, to) || from.is_null() {
        return true;
    }
    match (from, to) {
        (from, to) if is_text(to) => !from.is_nested() && !matches!(from, T::Binary | T::LargeBinary | T::BinaryView),
        (T::Boolean, to) => to.is_integer() || to.is_floating(),
        (from, to) if to.is_floating() => from.is_numeric(),
        (T::Date32, T::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, None)) => true,
        (T::Timestamp(from, _), T::Timestamp(to, _)) => to <= from,
        (T::Timestamp(..), T::Date32) => true,
        _ => false,
    }
}

pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

struct Width {
    signed: bool,
    bits: usize,
}

impl Width {
    fn of(integer: &DataType) -> Self {
        Self { signed: integer.is_signed_integer(), bits: integer.primitive_width().unwrap_or(0) * 8 }
    }
}

/// Decimal digits of the widest value of an integer type.
fn digits(integer: &DataType) -> i16 {
    match integer.primitive_width() {
        Some(1) => 3,
        Some(2) => 5,
        Some(4) => 10,
        _ if integer.is_signed_integer() => 19,
        _ => 20,
    }
}

fn decimal(data_type: &DataType) -> Option<(i16, i16)> {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => Some((i16::from(*precision), i16::from(*scale))),
        _ => None,
    }
}

fn integer_digits(data_type: &DataType) -> Option<i16> {
    let (precision, scale) = decimal(data_type)?;
    (scale >= 0).then_some(precision - scale)
}
