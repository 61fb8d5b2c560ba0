//! Whether a bound of a column as it is stored is a bound of the column as it is declared.

use datafusion::arrow::datatypes::DataType;

/// Whether each stored value is a declared one and order is kept: then bounds are, too.
pub(super) fn keeps_values(stored: &DataType, declared: &DataType) -> bool {
    let (stored, declared) = (unpacked(stored), unpacked(declared));
    stored == declared || is_bytes(stored) && is_bytes(declared) || widens(stored, declared)
}

/// The type of a dictionary's values, any other type itself.
pub(super) fn unpacked(declared: &DataType) -> &DataType {
    match declared {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

/// Texts and bytes of any layout compare alike.
pub(super) fn is_bytes(stored: &DataType) -> bool {
    use DataType::{Binary, BinaryView, LargeBinary, LargeUtf8, Utf8, Utf8View};
    matches!(stored, Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView)
}

fn widens(stored: &DataType, declared: &DataType) -> bool {
    let bits = |ty: &DataType| ty.primitive_width().unwrap_or(0);
    let wider = bits(stored) < bits(declared);
    match (stored, declared) {
        (DataType::Decimal128(p, s), DataType::Decimal128(wide, scale)) => s == scale && p <= wide,
        (DataType::Float32, DataType::Float64) => true,
        _ => {
            wider
                && (stored.is_signed_integer() && declared.is_signed_integer()
                    || stored.is_unsigned_integer() && declared.is_integer())
        }
    }
}
