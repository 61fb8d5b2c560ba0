//! Manifests: Avro files that list data files and files of deleted rows, and the list of these.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::Arc;

use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{AvroSchema, SCHEMA_METADATA_KEY};
use bytes::Bytes;
use datafusion::arrow::json::writer::{LineDelimited, WriterBuilder};
use datafusion::common::ScalarValue;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::place::{Place, damaged, unharmed};
use super::super::snapshot::{ByValues, Column, DataFile, Deleted, Standing, Statistics};
use super::by_values;
use super::deletes::Deletes;
use super::metadata::{Metadata, SpecField, Version};
use super::values::{Known, from_hex, of_json};
use crate::error::{Error, ErrorKind, Result};

/// Manifests that are read at once.
const AT_ONCE: usize = 16;
/// Entries of files that are no more.
const GONE: i32 = 2;

/// A manifest in the list.
#[derive(Debug, Deserialize)]
struct Manifest {
    manifest_path: String,
    #[serde(default)]
    partition_spec_id: i32,
    sequence_number: Option<i64>,
    key_metadata: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    status: i32,
    sequence_number: Option<i64>,
    data_file: File,
}

/// What a file has, as manifests say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Rows,
    /// Of other files: which are deleted.
    Positions,
    /// Values of rows that are deleted.
    Values,
}

/// A pair of a map, which Avro has as a list where its keys are numbers.
#[derive(Debug, Deserialize)]
struct Pair<T> {
    key: i32,
    value: T,
}

/// A file, by the names that Iceberg has for what it says of it.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    content: Option<i32>,
    pub(super) file_path: String,
    pub(super) file_format: String,
    pub(super) partition: Option<Value>,
    pub(super) record_count: u64,
    pub(super) file_size_in_bytes: u64,
    value_counts: Option<Vec<Pair<u64>>>,
    null_value_counts: Option<Vec<Pair<u64>>>,
    lower_bounds: Option<Vec<Pair<String>>>,
    upper_bounds: Option<Vec<Pair<String>>>,
    key_metadata: Option<Value>,
    pub(super) referenced_data_file: Option<String>,
    pub(super) content_offset: Option<u64>,
    pub(super) content_size_in_bytes: Option<u64>,
    /// Numbers of the columns that its values are of.
    pub(super) equality_ids: Option<Vec<i32>>,
}

/// A file with what it takes from its manifest.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) file: File,
    /// Of the version that it came with.
    pub(super) sequence: i64,
    pub(super) spec: i32,
    pub(super) manifest: Arc<Path>,
}

impl File {
    pub(super) fn content(&self) -> Content {
        match self.content {
            None | Some(0) => Content::Rows,
            Some(1) => Content::Positions,
            Some(_) => Content::Values,
        }
    }
}

/// Numbers of partitions: of a spec and values of its fields.
#[derive(Debug, Default)]
pub(super) struct Parts(HashMap<(i32, String), i64>);

impl Parts {
    pub(super) fn standing(&mut self, listed: &Listed) -> Standing {
        let values = listed.file.partition.as_ref().map(Value::to_string).unwrap_or_default();
        let next = i64::try_from(self.0.len()).unwrap_or(i64::MAX);
        let part = *self.0.entry((listed.spec, values)).or_insert(next);
        Standing { sequence: listed.sequence, part }
    }
}

/// The data files of `version` with the rows that are deleted by where they are, and those that are by their values.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for what is not read, by its name.
pub(super) async fn files(
    place: &Place,
    metadata: &Metadata,
    version: &Version,
    columns: &[Column],
) -> Result<(Vec<DataFile>, Vec<ByValues>)> {
    let list = place.at_home(&metadata.location, metadata.manifest_list(place, version)?)?;
    let text = place.read(&list).await?;
    let manifests: Vec<Manifest> = unharmed(&list, || records(&list, text))?;
    // A list, not an adapter with a closure: a stream that borrows through one is not `Send` enough to be spawned.
    let mut reading = Vec::with_capacity(manifests.len());
    for manifest in &manifests {
        reading.push(listed(place, metadata, manifest));
    }
    let listed: Vec<Vec<Listed>> = stream::iter(reading).buffered(AT_ONCE).try_collect().await?;
    let (rows, deleting): (Vec<Listed>, Vec<Listed>) =
        listed.into_iter().flatten().partition(|listed| listed.file.content() == Content::Rows);
    let (values, places): (Vec<Listed>, Vec<Listed>) =
        deleting.into_iter().partition(|listed| listed.file.content() == Content::Values);
    let mut parts = Parts::default();
    let by_values = by_values::files(place, metadata, columns, (values, &mut parts))?;
    let deletes = Deletes::read(place, metadata, places).await?;
    let mut files = Vec::with_capacity(rows.len());
    for listed in rows {
        let path = place.at_home(&metadata.location, &listed.file.file_path)?;
        let deleted = deletes.of(place, &listed)?;
        let standing = if by_values.is_empty() { Standing::default() } else { parts.standing(&listed) };
        files.push(DataFile { standing, ..data_file(path, listed, deleted, (metadata, columns))? });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((files, by_values))
}

async fn listed(place: &Place, metadata: &Metadata, manifest: &Manifest) -> Result<Vec<Listed>> {
    let path = Arc::new(place.at_home(&metadata.location, &manifest.manifest_path)?);
    let is_encrypted = |key: &Option<Value>| key.as_ref().is_some_and(|key| !key.is_null());
    if is_encrypted(&manifest.key_metadata) {
        return Err(unsupported(&path, "it is encrypted"));
    }
    let text = place.read(&path).await?;
    let entries: Vec<Entry> = unharmed(&path, || records(&path, text))?;
    let mut listed = Vec::with_capacity(entries.len());
    for Entry { status, sequence_number, data_file: file } in entries {
        if status == GONE {
            continue;
        }
        if is_encrypted(&file.key_metadata) {
            return Err(unsupported(&path, "it lists files that are encrypted"));
        }
        // Version 1 has no numbers: all come before any that deletes.
        let sequence = sequence_number.or(manifest.sequence_number).unwrap_or(0);
        listed.push(Listed { file, sequence, spec: manifest.partition_spec_id, manifest: Arc::clone(&path) });
    }
    Ok(listed)
}

fn data_file(
    path: Path,
    listed: Listed,
    deleted: Deleted,
    (metadata, columns): (&Metadata, &[Column]),
) -> Result<DataFile> {
    let Listed { file, spec, manifest, .. } = listed;
    if !file.file_format.eq_ignore_ascii_case("parquet") {
        let message = format!("it is a file of {}, which is not read in Iceberg tables", file.file_format);
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("rewrite the table as Parquet files")
            .about_file(&path));
    }
    let constants = constants(file.partition.as_ref(), metadata.spec(spec), columns);
    let counts =
        |pairs: Option<Vec<Pair<u64>>>| pairs.into_iter().flatten().map(|pair| (pair.key, pair.value)).collect();
    let bounds = |pairs: Option<Vec<Pair<String>>>| -> Result<_> {
        let pairs = pairs.into_iter().flatten().map(|pair| Some((pair.key, from_hex(&pair.value)?)));
        pairs.collect::<Option<_>>().ok_or_else(|| damaged(&manifest, "a bound is no bytes"))
    };
    let known = Known {
        values: counts(file.value_counts),
        nulls: counts(file.null_value_counts),
        least: bounds(file.lower_bounds)?,
        greatest: bounds(file.upper_bounds)?,
    };
    let statistics = Statistics::Numbered(Box::new(known));
    Ok(DataFile { constants, statistics, deleted, ..DataFile::new(path, file.file_size_in_bytes) })
}

/// The values that all rows of a file have, as its partition says: files that were added to a table may not have the columns. `None`
/// where it does not say one that is a value of the column.
fn constants(partition: Option<&Value>, spec: &[SpecField], columns: &[Column]) -> Vec<(i32, Option<ScalarValue>)> {
    let identities = spec.iter().filter(|field| field.transform == "identity");
    let told = |field: &SpecField| {
        let column = columns.iter().find(|column| column.number == field.source_id)?;
        let told = partition.and_then(|told| told.get(&field.name).or_else(|| told.get(avro_name(&field.name))));
        Some((field.source_id?, told.and_then(|told| of_json(told, column.field.data_type()))))
    };
    identities.filter_map(told).collect()
}

/// As writers call a field in Avro, whose names have letters, digits and underscores alone.
fn avro_name(name: &str) -> String {
    let mut avro = String::with_capacity(name.len());
    for (at, c) in name.chars().enumerate() {
        match c {
            '_' => avro.push(c),
            _ if c.is_numeric() && at == 0 => avro.extend(['_', c]),
            _ if c.is_alphanumeric() => avro.push(c),
            _ => avro.push_str(&format!("_x{:X}", u32::from(c))),
        }
    }
    avro
}

fn unsupported(path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{what}, which is not supported"))
        .with_hint("rewrite the table without encryption")
        .about_file(path)
}

/// The records of an Avro file.
fn records<T: DeserializeOwned>(path: &Path, bytes: Bytes) -> Result<Vec<T>> {
    let build = |builder: ReaderBuilder| builder.build(Cursor::new(bytes.clone())).map_err(|e| damaged(path, e));
    let mut reader = build(ReaderBuilder::new())?;
    let told = reader.avro_header().get(SCHEMA_METADATA_KEY).map(serde_json::from_slice::<Value>);
    let mut schema = told.transpose().map_err(|e| damaged(path, e))?.unwrap_or_default();
    if leave_out_empty(&mut schema) {
        reader = build(ReaderBuilder::new().with_reader_schema(AvroSchema::new(schema.to_string())))?;
    }
    let mut records = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| damaged(path, e))?;
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
        writer.write(&batch).and_then(|()| writer.finish()).map_err(|e| damaged(path, e))?;
        let text = writer.into_inner();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            records.push(serde_json::from_slice(line).map_err(|e| damaged(path, e))?);
        }
    }
    Ok(records)
}

/// Takes records without fields out of an Avro schema, which its reader gives no length (the partition of a table without any). Whether
/// there was one.
fn leave_out_empty(schema: &mut Value) -> bool {
    let is_empty = |field: &Value| field["type"]["fields"].as_array().is_some_and(Vec::is_empty);
    let Some(fields) = schema.get_mut("fields").and_then(Value::as_array_mut) else { return false };
    let before = fields.len();
    fields.retain(|field| !is_empty(field));
    let inner = fields.iter_mut().filter_map(|field| field.get_mut("type"));
    // In all of them, also behind the first.
    let found: Vec<bool> = inner.map(leave_out_empty).collect();
    found.contains(&true) || fields.len() < before
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_partitions_are_avros() {
        for (name, avro) in
            [("part", "part"), ("a b", "a_x20b"), ("1st", "_1st"), ("ü_2", "ü_2"), ("a.b%", "a_x2Eb_x25")]
        {
            assert_eq!(avro_name(name), avro);
        }
    }

    #[test]
    fn records_without_fields_are_left_out() {
        let empty = json!({"name": "partition", "type": {"type": "record", "name": "p", "fields": []}});
        let path = json!({"name": "path", "type": "string"});
        let of = |fields: Value| json!({"name": "file", "type": {"type": "record", "name": "f", "fields": fields}});
        let whole = |file: Value| json!({"type": "record", "name": "entry", "fields": [file]});
        let mut schema = whole(of(json!([path, empty])));
        assert!(leave_out_empty(&mut schema));
        assert_eq!(schema, whole(of(json!([path]))));
        assert!(!leave_out_empty(&mut schema));
    }
}
