//! One schema for files whose columns grew: a column has the narrowest type that holds every value of every file's. What would
//! change a value (a BIGINT as a DOUBLE, a text as a number) is no growth: it is an error that names both files.
//!
//! Not here: reading a narrower file into a wider column, which the host's adapter and the device's loader do, each by a cast
//! that fails where a value does not fit (a date beyond a timestamp's range).

use std::sync::Arc;

use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, Schema, SchemaRef, TimeUnit,
};

use super::footers::FileColumns;
use super::types::is_bytes;
use crate::error::{Error, ErrorKind};

/// The schemas of `files` with the types that hold them all.
///
/// # Errors
/// [`ErrorKind::Invalid`] for a column of which two files have types that no other holds.
pub(super) fn alike(files: &[FileColumns]) -> Result<Vec<Schema>, Error> {
    let mut common: Vec<(&str, DataType)> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        for field in file.schema.fields() {
            let Some((_, known)) = common.iter_mut().find(|(name, _)| name == field.name()) else {
                common.push((field.name(), field.data_type().clone()));
                continue;
            };
            *known = wider(known, field.data_type()).ok_or_else(|| clash(&files[..at], file, field))?;
        }
    }
    let typed = |schema: &SchemaRef| {
        let fields = schema.fields().iter().map(|field| match common.iter().find(|(name, _)| name == field.name()) {
            Some((_, ty)) if ty != field.data_type() => Arc::new(field.as_ref().clone().with_data_type(ty.clone())),
            _ => Arc::clone(field),
        });
        Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone())
    };
    Ok(files.iter().map(|file| typed(&file.schema)).collect())
}

fn clash(earlier: &[FileColumns], file: &FileColumns, field: &Field) -> Error {
    let name = field.name();
    let of_file = |file: &FileColumns| file.schema.field_with_name(name).ok().map(|field| field.data_type().clone());
    let other = earlier.iter().find(|other| of_file(other).is_some_and(|ty| wider(&ty, field.data_type()).is_none()));
    // None of them alone where three types meet.
    let other = other.or_else(|| earlier.iter().find(|other| of_file(other).is_some()));
    let (path, ty) = other.map(|other| (other.path.as_str(), of_file(other))).unwrap_or_default();
    let first = ty.map(|ty| format!("{ty} in '{path}', and ")).unwrap_or_default();
    let message = format!("the column {name} is {first}{} in '{}'", field.data_type(), file.path);
    Error::new(ErrorKind::Invalid, crate::error::in_sql(&message)).with_hint(format!(
        "CREATE EXTERNAL TABLE t ({name} VARCHAR, ...) STORED AS PARQUET LOCATION '...' declares one type for all files"
    ))
}

/// The narrowest type that holds every value of both.
fn wider(one: &DataType, other: &DataType) -> Option<DataType> {
    use DataType as T;
    if one == other {
        return Some(one.clone());
    }
    Some(match (one, other) {
        (T::Null, ty) | (ty, T::Null) => ty.clone(),
        (T::Dictionary(_, values), ty) | (ty, T::Dictionary(_, values)) => wider(values, ty)?,
        (one, other) if one.is_integer() && other.is_integer() => integer(one, other)?,
        (one, other) if one.is_floating() && other.is_floating() => match (one, other) {
            (T::Float64, _) | (_, T::Float64) => T::Float64,
            _ => T::Float32,
        },
        (one, other) if decimal(one).is_some() && decimal(other).is_some() => digits(one, other)?,
        (T::Date32, T::Timestamp(unit, None)) | (T::Timestamp(unit, None), T::Date32) => T::Timestamp(*unit, None),
        (T::Timestamp(one, zone), T::Timestamp(other, same)) if zone == same => {
            T::Timestamp(finer(*one, *other), zone.clone())
        }
        (one, other) if is_text(one) && is_text(other) => text(one, other, T::Utf8View, T::LargeUtf8),
        (one, other) if is_binary(one) && is_binary(other) => text(one, other, T::BinaryView, T::LargeBinary),
        // Lists and structs: what the host's own merging of fields can do.
        (one, other) if one.is_nested() && other.is_nested() => {
            let mut field = Field::new("", one.clone(), true);
            field.try_merge(&Field::new("", other.clone(), true)).ok()?;
            field.data_type().clone()
        }
        _ => return None,
    })
}

fn integer(one: &DataType, other: &DataType) -> Option<DataType> {
    use DataType as T;
    let bits = |ty: &DataType| ty.primitive_width().unwrap_or(0) * 8;
    let unsigned = |ty: &DataType| ty.is_unsigned_integer();
    let needed = match (unsigned(one), unsigned(other)) {
        (true, false) => (bits(one) * 2).max(bits(other)),
        (false, true) => (bits(other) * 2).max(bits(one)),
        _ => bits(one).max(bits(other)),
    };
    Some(match (unsigned(one) && unsigned(other), needed) {
        (true, 16) => T::UInt16,
        (true, 32) => T::UInt32,
        (true, 64) => T::UInt64,
        (false, 16) => T::Int16,
        (false, 32) => T::Int32,
        (false, 64) => T::Int64,
        _ => return None,
    })
}

/// Digits, and how many of them are behind the point.
fn decimal(ty: &DataType) -> Option<(u8, i8)> {
    match ty {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => Some((*precision, *scale)),
        _ => None,
    }
}

fn digits(one: &DataType, other: &DataType) -> Option<DataType> {
    let ((one, one_scale), (other, other_scale)) = (decimal(one)?, decimal(other)?);
    let whole = |precision: u8, scale: i8| i16::from(precision) - i16::from(scale);
    let scale = one_scale.max(other_scale);
    let precision = whole(one, one_scale).max(whole(other, other_scale)) + i16::from(scale);
    let precision = u8::try_from(precision).ok()?;
    match () {
        () if precision <= DECIMAL128_MAX_PRECISION => Some(DataType::Decimal128(precision, scale)),
        () if precision <= DECIMAL256_MAX_PRECISION => Some(DataType::Decimal256(precision, scale)),
        () => None,
    }
}

fn finer(one: TimeUnit, other: TimeUnit) -> TimeUnit {
    let fineness = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    };
    if fineness(&one) >= fineness(&other) { one } else { other }
}

fn is_text(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_binary(ty: &DataType) -> bool {
    is_bytes(ty) && !is_text(ty)
}

/// Layouts hold the same values; the one that knows no limit.
fn text(one: &DataType, other: &DataType, view: DataType, large: DataType) -> DataType {
    if *one == view || *other == view { view } else { large }
}

#[cfg(test)]
mod tests {
    use DataType as T;

    use super::*;

    #[test]
    fn a_type_holds_the_values_of_both() {
        let decimal = T::Decimal128;
        for (one, other, both) in [
            (T::Int32, T::Int64, Some(T::Int64)),
            (T::UInt8, T::UInt32, Some(T::UInt32)),
            (T::UInt32, T::Int8, Some(T::Int64)),
            (T::UInt64, T::Int64, None),
            (T::Float32, T::Float64, Some(T::Float64)),
            (T::Int64, T::Float64, None),
            (decimal(10, 2), decimal(15, 2), Some(decimal(15, 2))),
            (decimal(10, 2), decimal(10, 4), Some(decimal(12, 4))),
            (decimal(38, 0), decimal(38, 10), Some(T::Decimal256(48, 10))),
            (T::Decimal256(76, 0), decimal(38, 10), None),
            (T::Date32, T::Timestamp(TimeUnit::Microsecond, None), Some(T::Timestamp(TimeUnit::Microsecond, None))),
            (T::Date32, T::Timestamp(TimeUnit::Second, Some("UTC".into())), None),
            (T::Utf8, T::LargeUtf8, Some(T::LargeUtf8)),
            (T::Dictionary(Box::new(T::Int32), Box::new(T::Utf8)), T::Utf8, Some(T::Utf8)),
            (T::Utf8, T::Int32, None),
            (T::Utf8, T::Binary, None),
            (T::Boolean, T::Int8, None),
            (T::Null, T::Int8, Some(T::Int8)),
        ] {
            assert_eq!(wider(&one, &other), both, "{one} {other}");
            assert_eq!(wider(&other, &one), both, "{other} {one}");
        }
    }
}
