//! Rows that are deleted by their values (equality deletes): files of values of some columns, each about data files that came before
//! it, in its own partition or, where it is in none, in all.
//!
//! Which columns these are is said by their numbers, also of columns that the table has no more. Not here: which rows of a data file
//! have such values, which is found when it is scanned (`lake/by_values.rs`).

use datafusion::arrow::datatypes::DataType;

use super::super::place::{Place, damaged};
use super::super::snapshot::{ByValues, Column, DataFile};
use super::manifests::{Listed, Parts};
use super::metadata::Metadata;
use super::schema;
use crate::error::{Error, ErrorKind, Result};

/// The files of values, those that are of the same columns together.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for what is not read, by its name; [`ErrorKind::Invalid`] for what is damaged.
pub(super) fn files(
    place: &Place,
    metadata: &Metadata,
    columns: &[Column],
    (listed, parts): (Vec<Listed>, &mut Parts),
) -> Result<Vec<ByValues>> {
    let mut found: Vec<(Vec<i32>, ByValues)> = Vec::new();
    for listed in listed {
        let path = place.at_home(&metadata.location, &listed.file.file_path)?;
        if !listed.file.file_format.eq_ignore_ascii_case("parquet") {
            let message = format!("it has values of deleted rows as {}, which is not read", listed.file.file_format);
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("compact the table with the engine that writes it")
                .about_file(&path));
        }
        let mut numbers = listed.file.equality_ids.clone().unwrap_or_default();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.is_empty() {
            let cause = format!("'{}' deletes rows by no column", listed.file.file_path);
            return Err(damaged(&listed.manifest, cause));
        }
        let is_global = metadata.is_unparted(listed.spec);
        let standing = parts.standing(&listed);
        let file = DataFile { standing, ..DataFile::new(path, listed.file.file_size_in_bytes) };
        match found.iter_mut().find(|(known, of)| *known == numbers && of.is_global == is_global) {
            Some((_, of)) => of.files.push(file),
            None => {
                let columns = keys(place, metadata, columns, &numbers)?;
                found.push((numbers, ByValues { columns, is_global, files: vec![file] }));
            }
        }
    }
    Ok(found.into_iter().map(|(_, of)| of).collect())
}

/// The columns of these numbers, of this version or, where it has them no more, of an earlier schema.
fn keys(place: &Place, metadata: &Metadata, columns: &[Column], numbers: &[i32]) -> Result<Vec<Column>> {
    let key = |number: &i32| -> Result<Column> {
        let known = columns.iter().find(|column| column.number == Some(*number)).cloned();
        let column = match known {
            Some(known) => known,
            None => schema::column_of_any(place, metadata, *number)?,
        };
        // Whether NaN is NaN, and a zero the other, is not said: the format has no such keys.
        let data_type = column.field.data_type();
        if data_type.is_nested() || matches!(data_type, DataType::Float32 | DataType::Float64) {
            let message = format!(
                "the Iceberg table '{}' deletes rows by the column {}, which is {data_type}",
                place.written(),
                column.field.name()
            );
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("compact the table with the engine that writes it (rewrite_data_files)"));
        }
        Ok(column)
    };
    numbers.iter().map(key).collect()
}
