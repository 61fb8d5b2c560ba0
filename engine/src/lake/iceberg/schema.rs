//! The columns of a table as the metadata has them.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use serde_json::Value;

use super::super::columns::{list, map};
use super::super::place::Place;
use super::super::snapshot::Column;
use super::metadata::{Metadata, SchemaField, Version, invalid};
use super::values::of_json;
use crate::error::{Error, ErrorKind, Result};

/// The columns of `version`.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a type that is not known, and for values of a column that files do not have.
pub(super) fn columns(place: &Place, metadata: &Metadata, version: Option<&Version>) -> Result<Vec<Column>> {
    let schema = metadata.schema(place, version, metadata.is_current(version))?;
    let names = metadata.names(place)?;
    schema.fields.iter().map(|field| column(place, field, &names)).collect()
}

/// The column of that number, of whichever schema had it last.
///
/// # Errors
/// [`ErrorKind::Unsupported`] where there is none: the number may be of a field in a column.
pub(super) fn column_of_any(place: &Place, metadata: &Metadata, number: i32) -> Result<Column> {
    match metadata.field_of_any(number) {
        Some(field) => column(place, field, &metadata.names(place)?),
        None => Err(unsupported(place, &format!("rows that are deleted by the field {number}, which is no column,"))),
    }
}

fn column(place: &Place, field: &SchemaField, names: &HashMap<i32, Vec<String>>) -> Result<Column> {
    let mut nested = Vec::new();
    let data_type = data_type(place, &field.data_type, (&field.name, &mut nested), true)?;
    let told = field.initial_default.as_ref().filter(|told| !told.is_null());
    let initial = told.map(|told| {
        let value = if data_type.is_nested() { None } else { of_json(told, &data_type) };
        value.ok_or_else(|| unsupported(place, &format!("the initial default {told} of the column {},", field.name)))
    });
    let initial = initial.transpose()?;
    let seen: FieldRef = Arc::new(Field::new(&field.name, data_type, true));
    Ok(Column {
        stored: Arc::clone(&seen),
        field: seen,
        number: Some(field.id),
        initial,
        is_partition: false,
        aliases: names.get(&field.id).cloned().unwrap_or_default(),
        nested,
    })
}

/// The numbers of fields in a column, by their paths.
type Nested = Vec<(String, i32)>;

fn data_type(place: &Place, json: &Value, (path, nested): (&str, &mut Nested), is_top: bool) -> Result<DataType> {
    let object = match json {
        Value::String(name) => {
            return simple(name, is_top).ok_or_else(|| unsupported(place, &format!("a column of the type {name}")));
        }
        Value::Object(object) => object,
        _ => return Err(invalid(place, "a type is neither a name nor an object")),
    };
    let mut inner = |key: &str, number: &str, name: &str| {
        let json = object.get(key).ok_or_else(|| invalid(place, &format!("a type lacks its {key}")))?;
        let id = object.get(number).and_then(Value::as_i64).and_then(|id| i32::try_from(id).ok());
        let path = format!("{path}.{name}");
        nested.push((path.clone(), id.ok_or_else(|| invalid(place, &format!("a type lacks its {number}")))?));
        data_type(place, json, (&path, &mut *nested), false)
    };
    match object.get("type").and_then(Value::as_str) {
        Some("struct") => {
            let fields = object.get("fields").cloned().unwrap_or_default();
            let fields: Vec<SchemaField> =
                serde_json::from_value(fields).map_err(|e| invalid(place, &format!("a struct is none: {e}")))?;
            let mut typed = Vec::with_capacity(fields.len());
            for field in &fields {
                let path = format!("{path}.{}", field.name);
                nested.push((path.clone(), field.id));
                if field.initial_default.as_ref().is_some_and(|told| !told.is_null()) {
                    return Err(unsupported(place, &format!("an initial default of {path}, a field in a column,")));
                }
                let inner = data_type(place, &field.data_type, (&path, &mut *nested), false)?;
                typed.push(Field::new(&field.name, inner, true));
            }
            Ok(DataType::Struct(typed.into()))
        }
        Some("list") => Ok(list(inner("element", "element-id", "element")?)),
        Some("map") => Ok(map(inner("key", "key-id", "key")?, inner("value", "value-id", "value")?)),
        _ => Err(invalid(place, "it has a type of an unknown kind")),
    }
}

/// A type without others in it. Texts that are columns are seen as those of other Parquet files.
fn simple(name: &str, is_top: bool) -> Option<DataType> {
    let utc = || Some("UTC".into());
    Some(match name {
        "string" if is_top => DataType::Utf8View,
        "string" => DataType::Utf8,
        "binary" if is_top => DataType::BinaryView,
        "binary" => DataType::Binary,
        "boolean" => DataType::Boolean,
        "int" => DataType::Int32,
        "long" => DataType::Int64,
        "float" => DataType::Float32,
        "double" => DataType::Float64,
        "date" => DataType::Date32,
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, utc()),
        "timestamp_ns" => DataType::Timestamp(TimeUnit::Nanosecond, None),
        "timestamptz_ns" => DataType::Timestamp(TimeUnit::Nanosecond, utc()),
        "uuid" => DataType::FixedSizeBinary(16),
        _ => {
            let in_brackets = |start: &str, end: &str| name.strip_prefix(start)?.strip_suffix(end);
            if let Some(bytes) = in_brackets("fixed[", "]") {
                return bytes.trim().parse::<i32>().ok().filter(|bytes| *bytes > 0).map(DataType::FixedSizeBinary);
            }
            let (digits, scale) = in_brackets("decimal(", ")")?.split_once(',')?;
            let (digits, scale): (u8, i8) = (digits.trim().parse().ok()?, scale.trim().parse().ok()?);
            let is_one = (1..=38).contains(&digits) && u8::try_from(scale).is_ok_and(|scale| scale <= digits);
            return is_one.then_some(DataType::Decimal128(digits, scale));
        }
    })
}

fn unsupported(place: &Place, what: &str) -> Error {
    let message = format!("the Iceberg table '{}' has {what} which is not supported", place.written());
    Error::new(ErrorKind::Unsupported, message).with_hint("rewrite the table without it")
}
