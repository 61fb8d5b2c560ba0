//! Writes rows to Hive's folders, one for each combination of the partition columns' values. DataFusion's writer takes a NULL
//! for whatever lies in the array below it; here NULL has a folder of its own, and every value comes back as it was.
//!
//! The files themselves are written by the sink of their format. Not here: the names of the folders (`hive`).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::runtime::SpawnedTask;
use datafusion::datasource::file_format::csv::CsvSink;
use datafusion::datasource::file_format::json::JsonSink;
use datafusion::datasource::file_format::parquet::ParquetSink;
use datafusion::datasource::physical_plan::{FileSink, FileSinkConfig};
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::analyze::AnalyzeExec;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, SendableRecordBatchStream};
use tokio::sync::mpsc;

use super::hive_folders::Folders;
use crate::error::{Error, ErrorKind};

/// Puts the sink in the place of the host's, in plans that write by partitions.
#[derive(Debug)]
pub(crate) struct WriteHiveFolders;

impl PhysicalOptimizerRule for WriteHiveFolders {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(new) = HiveSink::instead_of(&plan)? {
            return Ok(new);
        }
        // EXPLAIN ANALYZE stands above what it explains.
        let below = plan.downcast_ref::<AnalyzeExec>().map(|analyze| Arc::clone(analyze.input()));
        match below.map(|below| HiveSink::instead_of(&below)).transpose()?.flatten() {
            Some(new) => {
                plan.replace_children(vec![new], ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
            }
            None => Ok(plan),
        }
    }

    fn name(&self) -> &str {
        "maar_write_hive_folders"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The sink.
#[derive(Debug)]
struct HiveSink {
    /// The host's, which writes the files.
    host: Arc<dyn ExecutionPlan>,
    config: FileSinkConfig,
}

/// The sink of files that `plan` writes to, if it is one of the formats'.
fn file_sink(plan: &Arc<dyn ExecutionPlan>) -> Option<&dyn FileSink> {
    let sink = plan.downcast_ref::<DataSinkExec>()?.sink();
    if let Some(sink) = sink.downcast_ref::<ParquetSink>() {
        return Some(sink);
    }
    if let Some(sink) = sink.downcast_ref::<CsvSink>() {
        return Some(sink);
    }
    sink.downcast_ref::<JsonSink>().map(|sink| sink as &dyn FileSink)
}

impl HiveSink {
    fn instead_of(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(config) = file_sink(plan).map(|sink| sink.config().clone()) else { return Ok(None) };
        let Some(exec) = plan.downcast_ref::<DataSinkExec>() else { return Ok(None) };
        if config.table_partition_cols.is_empty() {
            return Ok(None);
        }
        for (name, _) in &config.table_partition_cols {
            let schema = exec.input().schema();
            let data_type = schema.field_with_name(name)?.data_type();
            if !has_text(data_type) {
                let message = format!("the column {name} of type {data_type} cannot name folders");
                let hint =
                    "partition by numbers, strings, booleans, dates or times; CAST makes a string of most values";
                return Err(Error::new(ErrorKind::Unsupported, message).with_hint(hint).into());
            }
        }
        let sink = Self { host: Arc::clone(plan), config };
        let order = exec.sort_order().clone();
        Ok(Some(Arc::new(DataSinkExec::new(Arc::clone(exec.input()), Arc::new(sink), order))))
    }
}

/// Whether a value of that type has a text that it can be read back from.
fn has_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => has_text(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean | DataType::Null => true,
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(..) => {
            true
        }
        other => other.is_numeric(),
    }
}

impl DisplayAs for HiveSink {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.config.table_partition_cols.iter().map(|(name, _)| name.as_str()).collect();
        match format {
            DisplayFormatType::TreeRender => write!(f, "format: {}", self.config.file_extension),
            _ => write!(f, "HiveSink(format={}, partitioned_by=[{}])", self.config.file_extension, columns.join(", ")),
        }
    }
}

#[async_trait]
impl DataSink for HiveSink {
    fn metrics(&self) -> Option<MetricsSet> {
        self.host.downcast_ref::<DataSinkExec>()?.sink().metrics()
    }

    fn schema(&self) -> &SchemaRef {
        self.config.output_schema()
    }

    async fn write_all(&self, data: SendableRecordBatchStream, context: &Arc<TaskContext>) -> Result<u64> {
        let Some(sink) = file_sink(&self.host) else {
            return datafusion::common::internal_err!("the sink of files is of another kind");
        };
        let store = context.runtime_env().object_store(&self.config.object_store_url)?;
        let (files, receiver) = mpsc::unbounded_channel();
        let batches_ahead = context.session_config().options().execution.max_buffered_batches_per_output_file.get();
        let folders = Folders::new(self.config.clone(), files, batches_ahead);
        let dealing = SpawnedTask::spawn(folders.deal(data));
        sink.spawn_writer_tasks_and_join(context, dealing, receiver, store).await
    }
}
