//! Tables whose log is written by hand, for what no writer at hand writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use maar_engine::Session;
use maar_engine::device::DeviceKind;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::session;

/// A session on each device that tables are read on.
pub(crate) fn sessions() -> [Session; 2] {
    [DeviceKind::Cpu, DeviceKind::Emulated]
        .map(|device| Session::builder().device(device).target_partitions(2).build().unwrap())
}

/// A folder with a log.
pub(crate) struct Table(TempDir);

impl Table {
    /// A table of version 0 with these columns and these that part it.
    pub(crate) fn new(columns: Value, partitions: &[&str]) -> Self {
        let protocol = json!({"minReaderVersion": 1, "minWriterVersion": 2});
        Self::with(protocol, columns, partitions, json!({}))
    }

    pub(crate) fn with(protocol: Value, columns: Value, partitions: &[&str], configuration: Value) -> Self {
        let table = Self(TempDir::new().unwrap());
        fs::create_dir(table.path("_delta_log")).unwrap();
        table.commit(0, &[json!({"protocol": protocol}), metadata(columns, partitions, configuration)]);
        table
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// As SQL names it.
    pub(crate) fn name(&self) -> String {
        format!("{}/", self.0.path().display())
    }

    pub(crate) fn log(&self, version: u64) -> PathBuf {
        self.path(&format!("_delta_log/{version:020}.json"))
    }

    pub(crate) fn commit(&self, version: u64, actions: &[Value]) {
        let lines: Vec<String> = actions.iter().map(Value::to_string).collect();
        fs::write(self.log(version), lines.join("\n")).unwrap();
    }

    /// Writes the rows of a query to a file of the table.
    pub(crate) async fn file(&self, name: &str, query: &str) {
        write(&self.path(name), query).await;
    }

    /// The action that adds it.
    pub(crate) fn add(&self, name: &str, more: Value) -> Value {
        let size = fs::metadata(self.path(name)).unwrap().len();
        let mut add = json!({
            "path": name, "partitionValues": {}, "size": size, "modificationTime": 0, "dataChange": true
        });
        for (key, value) in more.as_object().unwrap() {
            add[key] = value.clone();
        }
        json!({"add": add})
    }
}

/// Writes a file of Parquet into a table, which COPY does not.
pub(crate) async fn write(to: &Path, query: &str) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a.parquet");
    session().run_script(&format!("copy ({query}) to '{}'", file.display())).await.unwrap();
    fs::copy(file, to).unwrap();
}

/// Writes a file whose columns have numbers.
pub(crate) fn numbered(path: &Path, columns: Vec<(&str, i32, ArrayRef)>) {
    let field = |(name, number, values): &(&str, i32, ArrayRef)| {
        let number = [("PARQUET:field_id".to_string(), number.to_string())].into();
        Field::new(*name, values.data_type().clone(), true).with_metadata(number)
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let values = columns.into_iter().map(|(.., values)| values).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), values).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

pub(crate) fn remove(path: &str, vector: Option<Value>) -> Value {
    let mut remove = json!({"path": path, "deletionTimestamp": 0, "dataChange": true});
    if let Some(vector) = vector {
        remove["deletionVector"] = vector;
    }
    json!({"remove": remove})
}

pub(crate) fn metadata(columns: Value, partitions: &[&str], configuration: Value) -> Value {
    let schema = json!({"type": "struct", "fields": columns}).to_string();
    json!({"metaData": {
        "id": "t", "format": {"provider": "parquet", "options": {}}, "schemaString": schema,
        "partitionColumns": partitions, "configuration": configuration
    }})
}

pub(crate) fn column(name: &str, data_type: &str) -> Value {
    json!({"name": name, "type": data_type, "nullable": true, "metadata": {}})
}

/// A column with a name and a number of its own in files.
pub(crate) fn mapped(name: &str, data_type: Value, stored: &str, number: i32) -> Value {
    let metadata = json!({"delta.columnMapping.physicalName": stored, "delta.columnMapping.id": number});
    json!({"name": name, "type": data_type, "nullable": true, "metadata": metadata})
}

/// The protocol of a table that needs these features.
pub(crate) fn features(names: &[&str]) -> Value {
    json!({"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": names, "writerFeatures": names})
}
