//! Tables whose metadata is written by hand, for what no writer at hand writes.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::delta::log::write;

/// A file in a manifest.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) content: i64,
    pub(crate) name: &'static str,
    pub(crate) format: &'static str,
    pub(crate) rows: i64,
    pub(crate) sequence: i64,
    /// Of a vector: whose rows are deleted, and where it lies.
    pub(crate) vector: Option<(&'static str, i64, i64)>,
    /// Of deleted values: the numbers of their columns.
    pub(crate) keys: &'static [i64],
    /// Its partition where it is of specification 1, which parts by the column `s`.
    pub(crate) part: Option<Option<&'static str>>,
}

/// A data file.
pub(crate) fn data(name: &'static str, rows: i64, sequence: i64) -> Entry {
    Entry { content: 0, name, format: "PARQUET", rows, sequence, vector: None, keys: &[], part: None }
}

/// A folder with metadata.
pub(crate) struct Table(TempDir);

impl Table {
    pub(crate) fn new() -> Self {
        let table = Self(TempDir::new().unwrap());
        fs::create_dir(table.path("metadata")).unwrap();
        table
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// As SQL names it.
    pub(crate) fn name(&self) -> String {
        format!("{}/", self.0.path().display())
    }

    /// Where the metadata says that the table lies: it was moved since.
    pub(crate) fn home() -> &'static str {
        "s3://elsewhere/t"
    }

    pub(crate) async fn file(&self, name: &str, query: &str) {
        write(&self.path(name), query).await;
    }

    /// What a manifest has of a file.
    fn record(&self, entry: &Entry) -> Vec<u8> {
        let size = fs::metadata(self.path(entry.name)).map_or(1, |file| file.len() as i64);
        let mut bytes = Vec::new();
        long(&mut bytes, 1);
        long(&mut bytes, 0);
        option(&mut bytes, Some(entry.sequence));
        long(&mut bytes, entry.content);
        text(&mut bytes, &format!("{}/{}", Self::home(), entry.name));
        text(&mut bytes, entry.format);
        if let Some(part) = entry.part {
            long(&mut bytes, i64::from(part.is_some()));
            part.into_iter().for_each(|part| text(&mut bytes, part));
        }
        long(&mut bytes, entry.rows);
        long(&mut bytes, size);
        match entry.vector {
            Some((of, offset, size)) => {
                long(&mut bytes, 1);
                text(&mut bytes, &format!("{}/{of}", Self::home()));
                option(&mut bytes, Some(offset));
                option(&mut bytes, Some(size));
            }
            None => (0..3).for_each(|_| option(&mut bytes, None)),
        }
        long(&mut bytes, i64::from(!entry.keys.is_empty()));
        if !entry.keys.is_empty() {
            long(&mut bytes, entry.keys.len() as i64);
            entry.keys.iter().for_each(|key| long(&mut bytes, *key));
            long(&mut bytes, 0);
        }
        bytes
    }

    /// Writes metadata of a table with the columns `i` and `s` and one version, which has these files.
    pub(crate) fn version(&self, format: u32, entries: &[Entry], more: Value) {
        let mut list = Vec::new();
        for (spec, name) in ["m.avro", "parts.avro"].into_iter().enumerate() {
            let of_spec = entries.iter().filter(|entry| usize::from(entry.part.is_some()) == spec);
            let records: Vec<_> = of_spec.map(|entry| self.record(entry)).collect();
            if records.is_empty() {
                continue;
            }
            fs::write(self.path(&format!("metadata/{name}")), avro(&manifest(spec == 1), &records)).unwrap();
            let mut listed = Vec::new();
            text(&mut listed, &format!("{}/metadata/{name}", Self::home()));
            [1, spec as i64, 0, 1].into_iter().for_each(|number| long(&mut listed, number));
            list.push(listed);
        }
        fs::write(self.path("metadata/list.avro"), avro(&manifest_list(), &list)).unwrap();
        let fields = json!([
            {"id": 1, "name": "i", "type": "long", "required": false},
            {"id": 2, "name": "s", "type": "string", "required": false}
        ]);
        let names = json!([{"field-id": 1, "names": ["i"]}, {"field-id": 2, "names": ["s", "old_s"]}]).to_string();
        let mut metadata = json!({
            "format-version": format, "location": Self::home(), "current-schema-id": 0,
            "schemas": [{"type": "struct", "schema-id": 0, "fields": fields}],
            "partition-specs": [
                {"spec-id": 0, "fields": []},
                {"spec-id": 1, "fields": [{"source-id": 2, "field-id": 1000, "transform": "identity", "name": "a part"}]}
            ],
            "current-snapshot-id": 7, "properties": {"schema.name-mapping.default": names},
            "snapshots": [{
                "snapshot-id": 7, "timestamp-ms": 1000, "schema-id": 0,
                "manifest-list": format!("{}/metadata/list.avro", Self::home())
            }]
        });
        for (key, value) in more.as_object().unwrap() {
            metadata[key] = value.clone();
        }
        fs::write(self.path("metadata/v1.metadata.json"), metadata.to_string()).unwrap();
    }
}

fn manifest(is_parted: bool) -> Value {
    let some = |name: &str, data_type: &str| json!({"name": name, "type": ["null", data_type]});
    let one = |name: &str, data_type: &str| json!({"name": name, "type": data_type});
    // As Avro calls it, whose names have no blanks.
    let parts = if is_parted { vec![some("a_x20part", "string")] } else { Vec::new() };
    let file = json!({"type": "record", "name": "r2", "fields": [
        one("content", "int"), one("file_path", "string"), one("file_format", "string"),
        {"name": "partition", "type": {"type": "record", "name": "r102", "fields": parts}},
        one("record_count", "long"), one("file_size_in_bytes", "long"), some("referenced_data_file", "string"),
        some("content_offset", "long"), some("content_size_in_bytes", "long"),
        {"name": "equality_ids", "type": ["null", {"type": "array", "items": "int"}]}
    ]});
    json!({"type": "record", "name": "manifest_entry", "fields": [
        one("status", "int"), some("snapshot_id", "long"), some("sequence_number", "long"),
        {"name": "data_file", "type": file}
    ]})
}

fn manifest_list() -> Value {
    let one = |name: &str, data_type: &str| json!({"name": name, "type": data_type});
    json!({"type": "record", "name": "manifest_file", "fields": [
        one("manifest_path", "string"), one("manifest_length", "long"), one("partition_spec_id", "int"),
        one("content", "int"), one("sequence_number", "long")
    ]})
}

/// A number as Avro has it.
fn long(bytes: &mut Vec<u8>, number: i64) {
    let mut left = ((number << 1) ^ (number >> 63)) as u64;
    while left >= 0x80 {
        bytes.push((left & 0x7F) as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    long(bytes, text.len() as i64);
    bytes.extend(text.as_bytes());
}

fn option(bytes: &mut Vec<u8>, number: Option<i64>) {
    long(bytes, i64::from(number.is_some()));
    number.into_iter().for_each(|number| long(bytes, number));
}

fn avro(schema: &Value, records: &[Vec<u8>]) -> Vec<u8> {
    const SYNC: [u8; 16] = [7; 16];
    let mut bytes = b"Obj\x01".to_vec();
    long(&mut bytes, 2);
    for (key, value) in [("avro.schema", schema.to_string()), ("avro.codec", "null".to_string())] {
        text(&mut bytes, key);
        text(&mut bytes, &value);
    }
    long(&mut bytes, 0);
    bytes.extend(SYNC);
    long(&mut bytes, records.len() as i64);
    let block = records.concat();
    long(&mut bytes, block.len() as i64);
    bytes.extend(block);
    bytes.extend(SYNC);
    bytes
}
