//! The columns of a table as the log has them, in JSON.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::columns::{list, map};
use super::super::place::Place;
use super::super::snapshot::Column;
use super::actions::Metadata;
use super::protocol::ColumnMapping;
use super::values::UNIT;
use crate::error::{Error, ErrorKind, Result};

const PHYSICAL_NAME: &str = "delta.columnMapping.physicalName";
const ID: &str = "delta.columnMapping.id";

#[derive(Debug, Deserialize)]
struct Struct {
    fields: Vec<StructField>,
}

#[derive(Debug, Deserialize)]
struct StructField {
    name: String,
    #[serde(rename = "type")]
    data_type: Value,
    #[serde(default)]
    metadata: Map<String, Value>,
}

/// A type as SQL sees it, and as files have it.
struct Typed {
    seen: DataType,
    stored: DataType,
}

/// The columns of a table.
///
/// # Errors
/// [`ErrorKind::Invalid`] for a schema that is none, [`ErrorKind::Unsupported`] for a type that is not known.
pub(super) fn columns(place: &Place, metadata: &Metadata, mapping: ColumnMapping) -> Result<Vec<Column>> {
    let schema: Struct = serde_json::from_str(&metadata.schema_string).map_err(|e| invalid(place, &e.to_string()))?;
    let mut columns = Vec::with_capacity(schema.fields.len());
    for field in &schema.fields {
        let is_partition = metadata.partition_columns.contains(&field.name);
        let (seen, stored) = fields(place, field, mapping, true)?;
        let number = field.metadata.get(ID).and_then(Value::as_i64).and_then(|id| i32::try_from(id).ok());
        if mapping == ColumnMapping::Id && number.is_none() && !is_partition {
            return Err(invalid(place, &format!("the column {} has no number", field.name)));
        }
        if is_partition && (seen.data_type().is_nested() || *seen.data_type() == DataType::BinaryView) {
            let message = format!(
                "the Delta table '{}' has parts by {} of type {}, which is not supported",
                place.written(),
                field.name,
                seen.data_type()
            );
            return Err(
                Error::new(ErrorKind::Unsupported, message).with_hint("rewrite it with parts by another column")
            );
        }
        let mut nested = Vec::new();
        if mapping == ColumnMapping::Id {
            numbers(&field.data_type, stored.name(), &mut nested);
        }
        let (aliases, initial) = (Vec::new(), None);
        columns.push(Column { field: seen, stored, number, nested, aliases, initial, is_partition });
    }
    let of_schema = |name: &&String| columns.iter().all(|column| column.field.name() != *name);
    if let Some(name) = metadata.partition_columns.iter().find(of_schema) {
        return Err(invalid(place, &format!("the partition column {name} is not in it")));
    }
    Ok(columns)
}

/// The numbers of the fields in a type, by their paths in files.
fn numbers(json: &Value, path: &str, found: &mut Vec<(String, i32)>) {
    for (key, name) in [("elementType", "element"), ("keyType", "key"), ("valueType", "value")] {
        if let Some(inner) = json.get(key) {
            numbers(inner, &format!("{path}.{name}"), found);
        }
    }
    for field in json.get("fields").and_then(Value::as_array).into_iter().flatten() {
        let of = |key: &str| field.get("metadata").and_then(|metadata| metadata.get(key));
        let number = of(ID).and_then(Value::as_i64).and_then(|id| i32::try_from(id).ok());
        if let (Some(name), Some(number)) = (of(PHYSICAL_NAME).and_then(Value::as_str), number) {
            let path = format!("{path}.{name}");
            numbers(field.get("type").unwrap_or(&Value::Null), &path, found);
            found.push((path, number));
        }
    }
}

/// A field as SQL sees it, and as files have it. Every one may be NULL: what writers are to keep is no fact here.
fn fields(place: &Place, field: &StructField, mapping: ColumnMapping, is_top: bool) -> Result<(FieldRef, FieldRef)> {
    let Typed { seen, stored } = data_type(place, &field.data_type, mapping, is_top)?;
    let name = match mapping {
        ColumnMapping::None => &field.name,
        ColumnMapping::Name | ColumnMapping::Id => match field.metadata.get(PHYSICAL_NAME) {
            Some(Value::String(name)) => name,
            _ => return Err(invalid(place, &format!("the column {} has no name in files", field.name))),
        },
    };
    Ok((Arc::new(Field::new(&field.name, seen, true)), Arc::new(Field::new(name, stored, true))))
}

fn data_type(place: &Place, json: &Value, mapping: ColumnMapping, is_top: bool) -> Result<Typed> {
    let object = match json {
        Value::String(name) => {
            let simple = simple(name, is_top).ok_or_else(|| {
                let message = format!("the Delta table '{}' has a column of the type {name}", place.written());
                Error::new(ErrorKind::Unsupported, format!("{message}, which is not supported"))
                    .with_hint("rewrite the table without that column")
            })?;
            return Ok(Typed { seen: simple.clone(), stored: simple });
        }
        Value::Object(object) => object,
        _ => return Err(invalid(place, "a type is neither a name nor an object")),
    };
    let inner = |key: &str| match object.get(key) {
        Some(json) => data_type(place, json, mapping, false),
        None => Err(invalid(place, &format!("a type lacks its {key}"))),
    };
    match object.get("type").and_then(Value::as_str) {
        Some("struct") => {
            let of: Struct =
                serde_json::from_value(json.clone()).map_err(|e| invalid(place, &format!("a struct is none: {e}")))?;
            let (mut seen, mut stored) = (Vec::new(), Vec::new());
            for field in &of.fields {
                let (as_seen, as_stored) = fields(place, field, mapping, false)?;
                seen.push(as_seen);
                stored.push(as_stored);
            }
            Ok(Typed { seen: DataType::Struct(seen.into()), stored: DataType::Struct(stored.into()) })
        }
        Some("array") => {
            let element = inner("elementType")?;
            Ok(Typed { seen: list(element.seen), stored: list(element.stored) })
        }
        Some("map") => {
            let (key, value) = (inner("keyType")?, inner("valueType")?);
            Ok(Typed { seen: map(key.seen, value.seen), stored: map(key.stored, value.stored) })
        }
        _ => Err(invalid(place, "it has a type of an unknown kind")),
    }
}

/// A type without others in it. Texts that are columns are seen as those of other Parquet files.
fn simple(name: &str, is_top: bool) -> Option<DataType> {
    Some(match name {
        "string" if is_top => DataType::Utf8View,
        "string" => DataType::Utf8,
        "binary" if is_top => DataType::BinaryView,
        "binary" => DataType::Binary,
        "long" => DataType::Int64,
        "integer" => DataType::Int32,
        "short" => DataType::Int16,
        "byte" => DataType::Int8,
        "float" => DataType::Float32,
        "double" => DataType::Float64,
        "boolean" => DataType::Boolean,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(UNIT, Some("UTC".into())),
        "timestamp_ntz" => DataType::Timestamp(UNIT, None),
        _ => {
            let digits = name.strip_prefix("decimal(")?.strip_suffix(')')?;
            let (digits, scale) = digits.split_once(',')?;
            let (digits, scale): (u8, i8) = (digits.trim().parse().ok()?, scale.trim().parse().ok()?);
            let is_one = (1..=38).contains(&digits) && u8::try_from(scale).is_ok_and(|scale| scale <= digits);
            return is_one.then_some(DataType::Decimal128(digits, scale));
        }
    })
}

fn invalid(place: &Place, cause: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("the schema in the log of '{}' is damaged: {cause}", place.written()))
        .with_hint("a table is as good as its log: restore it, or read another version")
}
