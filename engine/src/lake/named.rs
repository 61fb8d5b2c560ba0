//! What a file calls the columns of its table: by the names that the metadata gives, or by the numbers of its fields.

use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::ScalarValue;
use object_store::path::Path;

use super::place::damaged;
use super::snapshot::{Column, DataFile, Lookup};
use crate::error::{Error, ErrorKind, Result};

/// Where an Arrow field says the number of the Parquet field it was made of.
const FIELD_ID: &str = "PARQUET:field_id";

/// Where the values of a column come from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// A column of the file by that name.
    Named(String),
    /// The file's partition.
    Partition,
    /// All rows have that value.
    Constant(ScalarValue),
    /// The column came after the file.
    Missing,
}

/// Where the values of `columns` come from in a file that has the fields of `schema`.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a file without numbers whose names nobody says, and for nested fields that are called otherwise.
pub(super) fn sources(columns: &[&Column], file: &DataFile, schema: &Schema, lookup: Lookup) -> Result<Vec<Source>> {
    let has_numbers = schema.fields().iter().any(|field| number(field).is_some());
    let one = |column: &&Column| -> Result<Source> {
        if column.is_partition {
            return Ok(Source::Partition);
        }
        let mut fields = schema.fields().iter();
        let field = match (has_numbers, lookup) {
            (_, Lookup::Name) | (false, Lookup::NumberOrName) => {
                return Ok(Source::Named(column.stored.name().clone()));
            }
            (true, _) => fields.find(|field| number(field) == column.number),
            (false, Lookup::NumberOrAlias) if column.aliases.is_empty() => return Err(unnumbered(&file.path)),
            (false, Lookup::NumberOrAlias) => fields.find(|field| column.aliases.contains(field.name())),
        };
        if let Some(field) = field {
            check_nested(column, field, &file.path)?;
            return Ok(Source::Named(field.name().clone()));
        }
        let mut constants = file.constants.iter();
        match constants.find(|(number, _)| Some(*number) == column.number) {
            None => Ok(column.initial.clone().map_or(Source::Missing, Source::Constant)),
            Some((_, Some(value))) => Ok(Source::Constant(value.clone())),
            Some((_, None)) => {
                let cause = format!("it has no column {}, nor says its partition the value", column.field.name());
                Err(damaged(&file.path, cause))
            }
        }
    };
    columns.iter().map(one).collect()
}

fn number(field: &FieldRef) -> Option<i32> {
    field.metadata().get(FIELD_ID)?.parse().ok()
}

fn unnumbered(file: &Path) -> Error {
    Error::new(ErrorKind::Unsupported, "its columns have no numbers, and the table does not say what they are called")
        .with_hint("set schema.name-mapping.default on the table, or rewrite the file")
        .about_file(file)
}

/// Fields in a column are read by their names: what is called otherwise in the file would be NULL, or another field.
fn check_nested(column: &Column, field: &FieldRef, file: &Path) -> Result<()> {
    if column.nested.is_empty() {
        return Ok(());
    }
    let mut found = Vec::new();
    nested(field.data_type(), column.stored.name(), &mut found);
    let is_other =
        |(path, number): &&(String, i32)| column.nested.iter().any(|(known, of)| (known == path) != (of == number));
    match found.iter().find(is_other) {
        None => Ok(()),
        Some((path, _)) => {
            let message =
                format!("the field {path} is called otherwise in it than in the table, which is not supported");
            Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("compact the table with the engine that writes it, or leave the column out")
                .about_file(file))
        }
    }
}

fn nested(data_type: &DataType, path: &str, found: &mut Vec<(String, i32)>) {
    let mut note = |field: &FieldRef, name: &str| {
        let path = format!("{path}.{name}");
        nested(field.data_type(), &path, found);
        found.extend(number(field).map(|number| (path, number)));
    };
    match data_type {
        DataType::Struct(fields) => fields.iter().for_each(|field| note(field, field.name())),
        DataType::List(element) => note(element, "element"),
        DataType::Map(entries, _) => {
            if let DataType::Struct(fields) = entries.data_type() {
                fields.iter().zip(["key", "value"]).for_each(|(field, name)| note(field, name));
            }
        }
        _ => {}
    }
}
