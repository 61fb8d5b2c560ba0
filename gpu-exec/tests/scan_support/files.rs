//! Parquet files, sessions and devices for the tests of the scan.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::datasource::file_format::options::ParquetReadOptions;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use maar_gpu_exec::column::DeviceTable;
use maar_gpu_exec::device::{DeviceChoice, DeviceHandle, DeviceOptions};
use maar_gpu_exec::scan::{ColumnStore, Listed, Load, Loaded, ParquetScan, ScanError, Source, recognise};
use object_store::ObjectStore;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

use super::{Value, decode};

/// A device with a column store, and a folder for a table's files.
pub struct Bench {
    pub device: Arc<DeviceHandle>,
    pub columns: Arc<ColumnStore>,
    pub dir: TempDir,
    /// Replaces the local files' store.
    pub objects: Option<Arc<dyn ObjectStore>>,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(DeviceOptions::default(), None)
    }

    pub fn with(options: DeviceOptions, store_budget: Option<u64>) -> Self {
        let dir = TempDir::new().unwrap();
        let cache_dir = Some(std::env::temp_dir().join("maar-scan-tests"));
        let device = DeviceHandle::open(DeviceChoice::Emulated, &DeviceOptions { cache_dir, ..options }).unwrap();
        // A segment a row group, however small.
        let columns = ColumnStore::new(&device, store_budget, 0);
        Self { device, columns, dir, objects: None }
    }

    /// Small row groups are gathered to segments of so many rows.
    pub fn gathering(segment_rows: usize) -> Self {
        let bench = Self::new();
        Self { columns: ColumnStore::new(&bench.device, None, segment_rows), ..bench }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file of one row group a batch.
    pub fn write(&self, name: &str, batches: &[RecordBatch]) {
        self.write_with(name, batches, WriterProperties::builder().build());
    }

    pub fn write_with(&self, name: &str, batches: &[RecordBatch], properties: WriterProperties) {
        write_file(&self.path(name), batches, properties);
    }

    /// The scan that the host plans for `SELECT columns FROM files WHERE filter`.
    pub async fn plan(&self, columns: &str, filter: Option<&str>) -> ParquetScan {
        recognise(&scan_of(&self.host_plan(columns, filter).await)).unwrap()
    }

    pub async fn host_plan(&self, columns: &str, filter: Option<&str>) -> Arc<dyn ExecutionPlan> {
        // Whole files, as the placement rule sees them: it runs before the host splits them.
        let context = session(SessionConfig::new().set_bool("datafusion.optimizer.repartition_file_scans", false));
        context.register_parquet("t", self.dir.path().to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
        let filter = filter.map(|filter| format!(" WHERE {filter}")).unwrap_or_default();
        let frame = context.sql(&format!("SELECT {columns} FROM t{filter}")).await.unwrap();
        frame.create_physical_plan().await.unwrap()
    }

    pub async fn load(&self, scan: &ParquetScan) -> Result<Loaded, ScanError> {
        Ok(self.open(&[scan]).await?.finish().await?.remove(0))
    }

    /// Loads a scan of a statement that has listed its files.
    pub async fn load_listed(&self, scan: &Arc<ParquetScan>, listed: &Listed) -> Result<Loaded, ScanError> {
        let sources = vec![self.source(Arc::clone(scan))];
        let load = Load::open(&self.device, &self.columns, sources, Some(listed)).await?;
        Ok(load.finish().await?.remove(0))
    }

    /// The table that an earlier load of the scan has left.
    pub fn kept(&self, scan: &Arc<ParquetScan>, listed: &Listed) -> Option<Loaded> {
        Some(Load::kept(&self.columns, &[self.source(Arc::clone(scan))], listed)?.remove(0))
    }

    /// The scans of one query, still to be loaded.
    pub async fn open(&self, scans: &[&ParquetScan]) -> Result<Load, ScanError> {
        let sources = scans.iter().map(|scan| self.source(Arc::new((*scan).clone()))).collect();
        Load::open(&self.device, &self.columns, sources, None).await
    }

    fn source(&self, scan: Arc<ParquetScan>) -> Source {
        let local =
            || session(SessionConfig::new()).runtime_env().object_store(ObjectStoreUrl::local_filesystem()).unwrap();
        Source::new(scan, self.objects.as_ref().map_or_else(local, Arc::clone))
    }

    /// Plans and loads.
    pub async fn query(&self, columns: &str, filter: Option<&str>) -> Loaded {
        self.load(&self.plan(columns, filter).await).await.unwrap()
    }

    /// The rows of a device table, column by column.
    pub fn rows(&self, table: &DeviceTable) -> Vec<Vec<Option<Value>>> {
        rows(&self.device, table)
    }
}

pub fn write_file(path: &Path, batches: &[RecordBatch], properties: WriterProperties) {
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batches[0].schema(), Some(properties)).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
}

/// One partition, and file lists that are always asked anew.
pub fn session(config: SessionConfig) -> SessionContext {
    let runtime = RuntimeEnvBuilder::new().with_object_list_cache_limit(0).build_arc().unwrap();
    SessionContext::new_with_config_rt(config.with_target_partitions(1), runtime)
}

/// The only file scan of a plan.
pub fn scan_of(plan: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    if plan.is::<DataSourceExec>() {
        return Arc::clone(plan);
    }
    let children = plan.children();
    assert_eq!(children.len(), 1, "a plan with one scan");
    scan_of(children[0])
}

pub fn rows(device: &Arc<DeviceHandle>, table: &DeviceTable) -> Vec<Vec<Option<Value>>> {
    let stream = device.stream().unwrap();
    let mut columns = vec![vec![]; table.shape.columns.len()];
    for segment in &table.segments {
        assert_eq!(segment.columns.len(), table.shape.columns.len());
        let rows = usize::try_from(segment.rows).unwrap();
        for ((meta, column), out) in table.shape.columns.iter().zip(&segment.columns).zip(&mut columns) {
            let read = |buffer: &maar_gpu_exec::device::DeviceBuffer| {
                let mut bytes = vec![0; buffer.len()];
                stream.download(buffer, 0, &mut bytes).unwrap();
                bytes
            };
            let (data, validity) = (read(&column.data), column.validity.as_deref().map(read));
            let texts = matches!(meta.stored, maar_gpu_exec::column::Stored::RawText);
            assert!(texts || data.len() == rows.div_ceil(2048) * 2048 * meta.stored.bytes());
            check_under_nulls(meta, &data, rows);
            out.extend(decode(&meta.stored, &data, validity.as_deref(), rows));
        }
    }
    columns
}

/// Also what stands under a NULL is within the column's facts.
fn check_under_nulls(meta: &maar_gpu_exec::column::ColumnMeta, data: &[u8], rows: usize) {
    use maar_gpu_exec::column::Stored;
    if let (Stored::Int { .. } | Stored::Codes { .. }, Some((min, max))) = (&meta.stored, meta.facts.range) {
        let outside =
            (0..rows).map(|row| super::raw_integer(&meta.stored, data, row)).find(|value| !(min..=max).contains(value));
        let code = matches!(meta.stored, Stored::Codes { .. });
        assert!(outside.is_none_or(|value| code && value == 0), "{}: {outside:?} is outside {min}..={max}", meta.name);
    }
}

pub fn schema(columns: &[(&str, &ArrayRef)]) -> SchemaRef {
    Arc::new(Schema::new(
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect::<Vec<_>>(),
    ))
}

pub fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let described: Vec<_> = columns.iter().map(|(name, array)| (*name, array)).collect();
    RecordBatch::try_new(schema(&described), columns.iter().map(|(_, array)| Arc::clone(array)).collect()).unwrap()
}
