//! Deals rows out to Hive's folders while they are written: which row goes to which file. Not here: the folders' names (`hive`)
//! and the writing (`hive_sink`).

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatchOptions, UInt32Array};
use datafusion::arrow::compute::{CastOptions, cast_with_options, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::datasource::physical_plan::FileSinkConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;
use object_store::path::Path;
use tokio::sync::mpsc;

use super::hive;

type Files = mpsc::UnboundedSender<(Path, mpsc::Receiver<RecordBatch>)>;

/// The texts of the partition columns' values in a row.
type Key = Vec<Option<String>>;

/// The files that are open, by the values that lead to them.
pub(super) struct Folders {
    config: FileSinkConfig,
    /// No file of that name is there yet: writes add to what lies in the folders.
    file_name: String,
    files: Files,
    batches_ahead: usize,
    open: HashMap<Key, mpsc::Sender<RecordBatch>>,
}

impl Folders {
    pub(super) fn new(config: FileSinkConfig, files: Files, batches_ahead: usize) -> Self {
        let random = || RandomState::new().build_hasher().finish();
        let file_name = format!("{:016x}{:016x}.{}", random(), random(), config.file_extension);
        Self { config, file_name, files, batches_ahead: batches_ahead.max(1), open: HashMap::new() }
    }

    pub(super) async fn deal(mut self, mut rows: SendableRecordBatchStream) -> Result<()> {
        while let Some(batch) = rows.next().await.transpose()? {
            for (key, rows) in self.keys(&batch)? {
                let part = self.without_keys(take_record_batch(&batch, &UInt32Array::from(rows))?)?;
                let file = self.file_of(key)?;
                // A writer that failed tells why itself, once this is over.
                if file.send(part).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The rows of each key, in order of their first.
    fn keys(&self, batch: &RecordBatch) -> Result<Vec<(Key, Vec<u32>)>> {
        let mut columns = Vec::with_capacity(self.config.table_partition_cols.len());
        for (name, _) in &self.config.table_partition_cols {
            let at = batch.schema_ref().index_of(name)?;
            columns.push(texts(batch.column(at))?);
        }
        let mut places: HashMap<Vec<Option<&str>>, usize> = HashMap::new();
        let mut keys: Vec<(Key, Vec<u32>)> = Vec::new();
        for row in 0..batch.num_rows() {
            let cell = |column: &ArrayRef| -> Option<usize> { column.is_valid(row).then_some(row) };
            let key: Vec<Option<&str>> =
                columns.iter().map(|column| cell(column).map(|row| column.as_string::<i32>().value(row))).collect();
            let at = *places.entry(key).or_insert_with_key(|key| {
                keys.push((key.iter().map(|text| text.map(str::to_string)).collect(), Vec::new()));
                keys.len() - 1
            });
            keys[at].1.push(row as u32);
        }
        Ok(keys)
    }

    /// The rows as they are written: the folders say the rest.
    fn without_keys(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if self.config.keep_partition_by_columns {
            return Ok(batch);
        }
        let is_key = |name: &str| self.config.table_partition_cols.iter().any(|(key, _)| key == name);
        let columns = batch.schema_ref().fields().iter().zip(batch.columns());
        let (fields, arrays): (Vec<_>, Vec<_>) = columns
            .filter(|(field, _)| !is_key(field.name()))
            .map(|(field, array)| (Arc::clone(field), Arc::clone(array)))
            .unzip();
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &rows)?)
    }

    fn file_of(&mut self, key: Key) -> Result<mpsc::Sender<RecordBatch>> {
        if let Some(open) = self.open.get(&key) {
            return Ok(open.clone());
        }
        let base = self.config.table_paths.first().map(|path| path.prefix().to_string()).unwrap_or_default();
        let mut path = base;
        for ((name, _), value) in self.config.table_partition_cols.iter().zip(&key) {
            path = format!("{path}/{}", hive::folder(name, value.as_deref()));
        }
        let path =
            Path::parse(format!("{path}/{}", self.file_name)).map_err(|e| DataFusionError::External(e.into()))?;
        let (sender, receiver) = mpsc::channel(self.batches_ahead);
        if self.files.send((path, receiver)).is_err() {
            return datafusion::common::exec_err!("the writer of the files has ended");
        }
        self.open.insert(key, sender.clone());
        Ok(sender)
    }
}

/// The texts of a column's values, from which they can be read back.
fn texts(column: &ArrayRef) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let texts = cast_with_options(column, &DataType::Utf8, &options)?;
    if !matches!(column.data_type(), DataType::Timestamp(..)) {
        return Ok(texts);
    }
    // As Hive, DuckDB and PostgreSQL write times.
    let spaced = texts.as_string::<i32>().iter().map(|text| text.map(|text| text.replacen('T', " ", 1)));
    Ok(Arc::new(spaced.collect::<datafusion::arrow::array::StringArray>()))
}
