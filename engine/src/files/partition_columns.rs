//! The columns that Hive folders give to a table, with types that all of their values have: whole numbers, dates, else text, as in
//! DuckDB. NULL is of every type. Not here: the folders themselves (`hive`), and types that a statement declares (`create`).

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use object_store::ObjectMeta;

use super::hive;
use super::location::Location;
use crate::error::{Error, ErrorKind, Result};

/// What is done with `key=value` folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum HiveFolders {
    /// Columns of the types that their values have.
    #[default]
    Typed,
    /// Columns of texts.
    Texts,
    /// Folders like any other.
    Ignored,
}

/// The columns that the folders of every location give. A column that is in the files as well is read from there.
///
/// # Errors
/// [`ErrorKind::Invalid`] where they do not give the same columns everywhere, or one of them twice.
pub(super) fn of_locations(
    locations: &[Location],
    found: &[Vec<ObjectMeta>],
    schema: &Schema,
    folders: HiveFolders,
) -> Result<Vec<FieldRef>> {
    if folders == HiveFolders::Ignored {
        return Ok(Vec::new());
    }
    let mut first: Option<(&Location, Vec<String>)> = None;
    for (location, files) in locations.iter().zip(found) {
        let names = names_in(location, files)?;
        match &first {
            Some((_, known)) if *known == names => {}
            Some((other, _)) => {
                let (one, two) = (other.written(), location.written());
                let message = format!("the folders of '{one}' and '{two}' do not give the same columns");
                return Err(Error::new(ErrorKind::Invalid, message).with_hint("read them one by one, and UNION them"));
            }
            None => first = Some((location, names)),
        }
    }
    let names = first.map(|(_, names)| names).unwrap_or_default();
    let of_paths = names.iter().filter(|name| schema.column_with_name(name).is_none());
    let typed = |name: &String| {
        let data_type = match folders {
            HiveFolders::Typed => type_of(name, locations, found),
            _ => DataType::Utf8View,
        };
        Arc::new(Field::new(name, data_type, true))
    };
    Ok(of_paths.map(typed).collect())
}

/// The names of the columns that the folders give, the same for every file.
fn names_in(location: &Location, files: &[ObjectMeta]) -> Result<Vec<String>> {
    let mut found: Option<(Vec<String>, &ObjectMeta)> = None;
    for file in files {
        let names = hive::names(&location.below(&file.location).folders);
        match &found {
            None => found = Some((names, file)),
            Some((first, _)) if *first == names => {}
            Some((first, first_file)) => return Err(differ(location, (first, first_file), (&names, file))),
        }
    }
    let names = found.map(|(names, _)| names).unwrap_or_default();
    if names.iter().enumerate().any(|(at, name)| names[..at].contains(name)) {
        let message = format!("the folders of '{}' give a column twice: {}", location.written(), names.join(", "));
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    Ok(names)
}

fn differ(location: &Location, first: (&[String], &ObjectMeta), other: (&[String], &ObjectMeta)) -> Error {
    let shown = |(names, file): (&[String], &ObjectMeta)| {
        let names = if names.is_empty() { "none".to_string() } else { names.join(", ") };
        format!("{names} at '/{}'", file.location)
    };
    let message = format!(
        "the folders of '{}' do not give the same columns everywhere: {}, {}",
        location.written(),
        shown(first),
        shown(other)
    );
    Error::new(ErrorKind::Invalid, message).with_hint(
        "read the folders one by one, take away the file that is out of place, or read without them: hive_partitioning = false",
    )
}

/// Types that are tried, the narrowest first.
const TYPES: [DataType; 2] = [DataType::Int64, DataType::Date32];

/// The type that every value of the column `name` has.
fn type_of(name: &str, locations: &[Location], found: &[Vec<ObjectMeta>]) -> DataType {
    let mut values: HashSet<&str> = HashSet::new();
    for (location, files) in locations.iter().zip(found) {
        for file in files {
            values.extend(hive::encoded_value(&location.below(&file.location).folders, name));
        }
    }
    values.remove(hive::NULL_WORD);
    let typed = TYPES.iter().find(|data_type| values.iter().all(|value| hive::is_of_type(value, data_type)));
    typed.filter(|_| !values.is_empty()).cloned().unwrap_or(DataType::Utf8View)
}
